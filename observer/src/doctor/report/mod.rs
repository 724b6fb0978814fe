//! Output of `observer doctor`. docs/doctor.md is the reference for users.

mod json;
pub mod profiles;
mod text;
mod wrap;

pub use json::write as json;
pub use text::write as text;

/// `12.4`, without a float's noise.
fn tenth_ms(took: std::time::Duration) -> String {
    let tenths = took.as_micros() / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}
