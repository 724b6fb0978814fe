//! BTF that no compiler makes. tests/layout.rs has the running kernel's.

use std::time::{Duration, Instant};

use super::*;

/// BTF of one structure, `s`, whose members have these names and types.
fn structure(members: &[(u32, u32)], strings: &[u8]) -> Btf {
    let vlen = u32::try_from(members.len()).unwrap();
    let mut types = vec![1, u32::from(KIND_STRUCT) << 24 | vlen, 8];
    types.extend(members.iter().flat_map(|(name, id)| [*name, *id, 0]));
    let len = |len: usize| u32::try_from(len).unwrap();
    let (type_len, str_len) = (len(types.len() * 4), len(strings.len()));
    let mut data = 0xeb9f_u16.to_ne_bytes().to_vec();
    data.extend([1, 0]);
    for word in [24, 0, type_len, type_len, str_len].iter().chain(&types) {
        data.extend(word.to_ne_bytes());
    }
    data.extend(strings);
    Btf::parse(data).unwrap()
}

fn takes_no_time(btf: &Btf) {
    let started = Instant::now();
    assert_eq!(btf.find(&[(BtfKind::Struct, "s")]), [Some(1)]);
    assert_eq!(btf.member(1, "none"), None);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_structure_in_itself_is_looked_into_once() {
    // 20 members to the power of the depth would take for ever.
    takes_no_time(&structure(&[(0, 1); 20], b"\0s\0"));
}

#[test]
fn a_name_without_an_end_is_not_read_to_it() {
    let strings = [b"\0s\0".as_slice(), &[b'x'; 4 << 20]].concat();
    takes_no_time(&structure(&[(3, 1); 0xffff], &strings));
}
