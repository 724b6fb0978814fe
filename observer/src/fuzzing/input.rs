//! Takes choices from the beginning of an input, and gives the rest to what is tested.

/// Rest of an input.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl Input<'_> {
    /// The next byte, 0 at the end.
    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// The next bytes as a number, 0 where there are too few.
    pub(super) fn word(&mut self) -> u32 {
        let Some((first, rest)) = self.0.split_first_chunk() else {
            return 0;
        };
        self.0 = rest;
        u32::from_le_bytes(*first)
    }

    /// One of some values.
    pub(super) fn one_of<T: Copy, const N: usize>(&mut self, values: [T; N]) -> T {
        values[usize::from(self.byte()) % N]
    }

    /// A value, or none.
    pub(super) fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.byte() & 1 == 1).then(|| value(self))
    }
}
