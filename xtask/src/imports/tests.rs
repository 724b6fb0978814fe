use std::fs;

use tempfile::TempDir;

use super::*;

/// A workspace of one package `observer` with these files below `src`.
struct Planted(TempDir);

impl Planted {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let package = dir.path().join("observer");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("Cargo.toml"), "[package]\n").unwrap();
        for (file, source) in files {
            let file = package.join("src").join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, source).unwrap();
        }
        Self(dir)
    }

    fn faults(&self) -> Vec<String> {
        self.faults_but(&[])
    }

    fn faults_but(&self, allowed: &[Allowed<'_>]) -> Vec<String> {
        faults(
            &edges::of_package(self.0.path(), "observer").unwrap(),
            allowed,
        )
    }
}

/// A tree in which one file has this source.
fn with(file: &str, source: &str) -> Planted {
    let all = [
        "agent", "alert", "cli", "config", "diag", "exporter", "host", "kernel", "model", "policy",
        "report", "watch",
    ];
    let root: String = all
        .iter()
        .map(|name| format!("pub mod {name};\n"))
        .collect();
    let mut files = vec![("lib.rs".to_owned(), root)];
    for name in all {
        files.push((
            format!("{name}/mod.rs"),
            "pub mod inner;\npub fn f() {}\n".to_owned(),
        ));
        files.push((format!("{name}/inner.rs"), "pub struct Thing;\n".to_owned()));
    }
    for (name, content) in &mut files {
        if name == file {
            source.clone_into(content);
        }
    }
    let files: Vec<_> = files
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    Planted::new(&files)
}

#[track_caller]
fn fails(file: &str, source: &str, expected: &str) {
    let faults = with(file, source).faults();
    assert_eq!(faults, [expected], "{file}: {source}");
}

#[test]
fn a_clean_tree_passes() {
    let clean = "use crate::{host::inner::Thing, model};\nuse aya::Ebpf;\nfn g() { model::f() }\n";
    assert_eq!(
        with("kernel/inner.rs", clean).faults(),
        Vec::<String>::new()
    );
}

#[test]
fn what_finds_sockets_knows_neither_policy_nor_consumers() {
    let reason = "what finds sockets knows neither policy nor consumers";
    for (source, at) in [
        ("use crate::policy;\n", "1: imports crate::policy"),
        (
            "use crate::{\n  host,\n  policy::inner::Thing,\n};\n",
            "3: imports crate::policy::inner::Thing",
        ),
        (
            "use super::super::report::f as g;\n",
            "1: imports super::super::report::f",
        ),
        ("\nfn g() { crate::explain_less::f() }\n", ""),
        (
            "\nfn g() { crate::agent::f() }\n",
            "2: imports crate::agent::f",
        ),
        ("use crate::config::*;\n", "1: imports crate::config"),
    ] {
        if at.is_empty() {
            assert!(with("diag/inner.rs", source).faults().is_empty());
        } else {
            fails(
                "diag/inner.rs",
                source,
                &format!("observer/src/diag/inner.rs:{at}: {reason}"),
            );
        }
    }
}

#[test]
fn a_name_that_another_folder_hands_on_is_the_forbidden_one() {
    let planted = Planted::new(&[
        ("lib.rs", "mod kernel;\nmod model;\nmod policy;\n"),
        ("kernel.rs", "use crate::model::Verdict;\n"),
        ("model/mod.rs", "pub use crate::policy::Verdict;\n"),
        ("policy/mod.rs", "mod verdict;\npub use verdict::Verdict;\n"),
        ("policy/verdict.rs", "pub struct Verdict;\n"),
    ]);
    let expected = "observer/src/kernel.rs:1: imports crate::model::Verdict: what finds sockets knows \
        neither policy nor consumers";
    assert_eq!(planted.faults(), [expected]);
}

#[test]
fn consumers_do_not_import_each_other() {
    fails(
        "watch/inner.rs",
        "use crate::{model, report::inner::Thing};\n",
        "observer/src/watch/inner.rs:1: imports crate::report::inner::Thing: consumers do not import \
         each other",
    );
    assert!(
        with("watch/inner.rs", "use crate::watch::f;\n")
            .faults()
            .is_empty()
    );
}

#[test]
fn the_configuration_knows_no_consumer() {
    fails(
        "config/inner.rs",
        "fn g() { crate::exporter::f() }\n",
        "observer/src/config/inner.rs:1: imports crate::exporter::f: the configuration knows no consumer",
    );
}

#[test]
fn only_the_kernel_side_uses_aya() {
    for source in [
        "use aya::Ebpf;\n",
        "fn g() { aya::f() }\n",
        "use {aya as b, std::fs};\n",
    ] {
        let faults = with("host/inner.rs", source).faults();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].ends_with(": only kernel/ uses aya"), "{faults:?}");
        assert!(with("kernel/inner.rs", source).faults().is_empty());
    }
}

#[test]
fn a_circle_is_found_through_what_a_folder_hands_on() {
    let planted = Planted::new(&[
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a.rs", "use crate::b::Thing;\npub fn f() {}\n"),
        ("b/mod.rs", "mod deep;\npub use deep::*;\n"),
        (
            "b/deep.rs",
            "\npub struct Thing;\nfn g() { crate::a::f() }\n",
        ),
    ]);
    let expected = "observer/src/a.rs:1 imports crate::b::Thing, observer/src/b/deep.rs:3 imports \
        crate::a::f, back in observer/src/a.rs: files import each other in a circle";
    assert_eq!(planted.faults(), [expected]);
}

#[test]
fn a_circle_through_a_folder_and_its_child_is_found() {
    let planted = Planted::new(&[
        ("lib.rs", "mod a;\nmod b;\n"),
        ("a.rs", "use crate::b;\npub fn f() { b::g() }\n"),
        ("b/mod.rs", "mod deep;\npub fn g() { deep::h() }\n"),
        ("b/deep.rs", "pub fn h() { crate::a::f() }\n"),
    ]);
    assert_eq!(planted.faults().len(), 1, "{:?}", planted.faults());
}

#[test]
fn a_folder_and_its_children_and_tests_may_import_each_other() {
    let planted = Planted::new(&[
        ("lib.rs", "mod a;\nmod b;\n"),
        (
            "a/mod.rs",
            "mod child;\npub use child::g;\npub fn f() { child::g() }\n",
        ),
        (
            "a/child.rs",
            "use super::f;\npub fn g() {}\n#[cfg(test)]\nmod tests { use crate::b::h; }\n",
        ),
        ("b.rs", "use crate::a::g;\npub fn h() {}\n"),
    ]);
    assert_eq!(planted.faults(), Vec::<String>::new());
}

#[test]
fn what_is_allowed_passes_and_is_still_needed() {
    let planted = with("watch/inner.rs", "use crate::report::f;\n");
    let entry = ("observer/src/watch/", "observer/src/report/", "");
    assert_eq!(planted.faults_but(&[entry]), Vec::<String>::new());
    let stale = with("watch/inner.rs", "").faults_but(&[entry]);
    assert_eq!(stale.len(), 1);
    assert!(stale[0].contains("any more"), "{stale:?}");
}

#[test]
fn this_workspace_keeps_the_rules() {
    check(&xtask::env::workspace_root()).unwrap();
}
