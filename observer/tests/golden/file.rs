//! Files that hold what is expected.

use std::path::Path;

/// Compares with the file of this name; `UPDATE_GOLDEN=1` writes it anew.
pub(crate) fn assert_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "{} differs; run this test with UPDATE_GOLDEN=1, and look at the difference\n{actual}",
        path.display()
    );
}
