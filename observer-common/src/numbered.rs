//! Enumerations that cross from the kernel side to user space: each value has a number and a name,
//! given once.

/// Generates enumerations with the number that records hold and the name that users see.
///
/// Numbers go up by one from the first: [`index`](crate::EventKind::index) is a place in an array.
#[macro_export]
macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $number:literal, $text:literal;)+
    })+) => {$(
        $(#[$doc])*
        #[repr(u8)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $number,)+
        }

        impl $name {
            /// Number of values.
            pub const COUNT: usize = [$($number),+].len();

            /// Every value, in the order of the numbers.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant),+];

            /// Name of the value, as users see it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Value with this number; `None` where there is none.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Place of the value in [`Self::ALL`].
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize - Self::ALL[0] as usize
            }
        }

        const _: () = {
            let mut at = 0;
            while at < $name::COUNT {
                assert!($name::ALL[at].index() == at, "numbers must go up by one");
                at += 1;
            }
        };
    )+};
}
