//! Every entry point on its committed corpus.

use std::fs;
use std::path::Path;

use crate::kernel::btf::Btf;
use crate::kernel::layout;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 11] = [
    ("btf", super::btf::check),
    ("cgroup", super::cgroup::check),
    ("config", super::config::check),
    ("events", super::events::check),
    ("headers", super::headers::check),
    ("netlink", super::netlink::check),
    ("proc", super::proc::check),
    ("query", super::query::check),
    ("records", super::records::check),
    ("texts", super::texts::check),
    ("web_config", super::web_config::check),
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let corpora = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus"));
    let inputs = fs::read_dir(corpora.join(target)).unwrap();
    inputs
        .map(|input| fs::read(input.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn corpora_hold() {
    for (target, check) in TARGETS {
        let inputs = corpus(target);
        assert!(!inputs.is_empty(), "{target}");
        for input in &inputs {
            check(input);
        }
        check(&[]);
    }
}

#[test]
fn seeds_reach_what_they_are_for() {
    for data in corpus("btf").into_iter().filter(|data| data.len() > 1000) {
        let facts = layout::resolve(&Btf::parse(data).unwrap()).unwrap();
        assert!(facts.absent.len() < 10, "{:?}", facts.absent);
    }
}
