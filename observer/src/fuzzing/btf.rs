//! The kernel's description of its types: what `/sys/kernel/btf/vmlinux` holds.

use std::hint::black_box;

use aya::Endianness;

use crate::kernel::btf::{Btf, BtfKind};
use crate::kernel::hooks::plan::btf_names;
use crate::kernel::layout;

/// Reads BTF as a scan and the hooks do.
pub fn check(input: &[u8]) {
    let Ok(btf) = Btf::parse(input.to_vec()) else {
        return;
    };
    fields(&btf);
    let mut wanted = btf_names();
    wanted.push((BtfKind::Struct, "tcp_sock".to_owned()));
    wanted.push((BtfKind::Enum, "tcp_state".to_owned()));
    let wanted: Vec<(BtfKind, &str)> = wanted
        .iter()
        .map(|(kind, name)| (*kind, name.as_str()))
        .collect();
    let ids = btf.find(&wanted);
    assert_eq!(ids.len(), wanted.len());
    let found: Vec<u32> = ids.iter().copied().flatten().collect();
    for id in &found {
        // A type has 12 bytes or more, and type 0 none.
        assert!((1..=input.len() / 12).contains(&(*id as usize)));
        black_box((btf.size(*id), btf.parameters(*id)));
    }
    black_box(btf.enumerator("LINUX_MIB_TCPKEEPALIVE"));
    let less = btf.only(&found);
    assert!(
        aya::Btf::parse(&less, Endianness::default()).is_ok(),
        "aya reads what is left"
    );
    let less = Btf::parse(less);
    assert_eq!(
        less.map(|less| less.find(&wanted)),
        Ok(ids),
        "names keep their numbers"
    );
}

/// Every field that the programs would be told to read can be read.
fn fields(btf: &Btf) {
    let Ok(facts) = layout::resolve(btf) else {
        return;
    };
    let mut layout = facts.layout;
    for spec in observer_common::Layout::SPEC {
        let field = *(spec.slot)(&mut layout);
        if field.bits > 0 {
            let end = u32::from(field.bit) + u32::from(field.bits);
            assert!(end <= u32::from(field.size) * 8, "{}: {field:?}", spec.name);
        }
        assert_eq!(
            facts.absent.contains(&spec.name),
            field.size == 0,
            "{}",
            spec.name
        );
    }
}
