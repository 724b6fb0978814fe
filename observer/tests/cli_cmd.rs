//! The command line as users meet it: help, errors, exit codes. What needs a scan is elsewhere.
//! `TRYCMD=overwrite` writes the files anew.

#[test]
fn commands() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
