//! The BTF reader against bpftool, on the running kernel: every field of the layout, the
//! enumerators and functions that observer looks up.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::HashMap;
use std::process::Command;

use observer::kernel::btf::{Btf, BtfError, BtfKind, Member};
use observer::kernel::error::BTF_PATH;
use observer::kernel::layout;
use observer_common::Layout;
use observer_common::layout::Need;

/// One type as bpftool prints it.
#[derive(Default)]
struct Type {
    kind: String,
    name: String,
    numbers: HashMap<String, u64>,
    members: Vec<(String, HashMap<String, u64>)>,
}

/// `bpftool btf dump file … format raw`, parsed.
struct Dump {
    types: HashMap<u64, Type>,
    structs: HashMap<String, u64>,
}

impl Dump {
    fn of_running_kernel() -> Self {
        let output = Command::new("bpftool")
            .args(["btf", "dump", "file", BTF_PATH, "format", "raw"])
            .output()
            .expect("bpftool runs; apt-get install bpftool");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut types = HashMap::new();
        let mut structs = HashMap::new();
        let mut last = 0;
        for line in text.lines() {
            let (name, numbers) = parse(line);
            if let Some(head) = line.strip_prefix('[') {
                let (id, rest) = head.split_once("] ").unwrap();
                last = id.parse().unwrap();
                let kind = rest.split(' ').next().unwrap().to_owned();
                if kind == "STRUCT" {
                    structs.entry(name.clone()).or_insert(last);
                }
                let of_type = Type {
                    kind,
                    name,
                    numbers,
                    members: Vec::new(),
                };
                types.insert(last, of_type);
            } else {
                types.get_mut(&last).unwrap().members.push((name, numbers));
            }
        }
        Self { types, structs }
    }

    fn resolve(&self, mut id: u64) -> u64 {
        while let Some(found) = self.types.get(&id)
            && ["TYPEDEF", "CONST", "VOLATILE", "RESTRICT", "TYPE_TAG"]
                .contains(&found.kind.as_str())
        {
            id = found.numbers["type_id"];
        }
        id
    }

    fn size(&self, id: u64) -> u64 {
        let found = &self.types[&self.resolve(id)];
        match found.kind.as_str() {
            "PTR" => 8,
            "ARRAY" => self.size(found.numbers["type_id"]) * found.numbers["nr_elems"],
            _ => found.numbers["size"],
        }
    }

    /// Bits from the start, width of a bitfield, type.
    fn find(&self, id: u64, name: &str) -> Option<(u64, u64, u64)> {
        for (member, numbers) in &self.types[&self.resolve(id)].members {
            let (of_type, offset) = (*numbers.get("type_id")?, numbers["bits_offset"]);
            let width = numbers.get("bitfield_size").copied().unwrap_or(0);
            if member == name {
                return Some((offset, width, of_type));
            }
            if member == "(anon)"
                && let Some((inner, width, of_type)) = self.find(of_type, name)
            {
                return Some((offset + inner, width, of_type));
            }
        }
        None
    }

    fn member(&self, structure: &str, path: &str) -> Option<(u64, u64, u64)> {
        let mut id = *self.structs.get(structure)?;
        let (mut offset, mut width) = (0, 0);
        for part in path.split('.') {
            let found = self.find(id, part)?;
            offset += found.0;
            (width, id) = (found.1, found.2);
        }
        Some((offset, width, self.size(id)))
    }

    fn enumerator(&self, name: &str) -> Option<u64> {
        self.types
            .values()
            .filter(|t| t.kind.starts_with("ENUM"))
            .flat_map(|t| &t.members)
            .find(|(member, _)| member == name)
            .map(|(_, numbers)| numbers["val"])
    }

    fn function(&self, name: &str) -> Option<u64> {
        self.types
            .iter()
            .find(|(_, t)| t.kind == "FUNC" && t.name == name)
            .map(|(id, _)| *id)
    }
}

/// The quoted name and the `key=number` words of a line.
fn parse(line: &str) -> (String, HashMap<String, u64>) {
    let name = line.split('\'').nth(1).unwrap_or_default().to_owned();
    let numbers = line
        .split(' ')
        .filter_map(|word| {
            let (key, value) = word.split_once('=')?;
            Some((key.to_owned(), value.parse().ok()?))
        })
        .collect();
    (name, numbers)
}

fn running() -> Btf {
    Btf::parse(std::fs::read(BTF_PATH).expect(BTF_PATH)).unwrap()
}

#[test]
fn every_field_is_where_bpftool_says() {
    let (dump, btf) = (Dump::of_running_kernel(), running());
    let mut compared = 0;
    for spec in Layout::SPEC {
        for (structure, path) in spec.places {
            let id = btf.find(&[(BtfKind::Struct, structure)])[0];
            let ours = id.and_then(|id| btf.member(id, path));
            let theirs = dump.member(structure, path);
            let same = match (ours, theirs) {
                (None, None) => true,
                (Some(member), Some((offset, width, size))) => {
                    let Member {
                        offset: at,
                        bit,
                        bits,
                        ..
                    } = member;
                    u64::from(at * 8 + bit) == offset
                        && u64::from(bits) == width
                        && (bits != 0 || u64::from(member.size) == size)
                }
                _ => false,
            };
            assert!(same, "{structure}.{path}: {ours:?}, bpftool {theirs:?}");
            compared += usize::from(ours.is_some());
        }
    }
    assert!(compared >= Layout::SPEC.len() - 5, "{compared}");
}

#[test]
fn enumerators_and_functions_are_what_bpftool_says() {
    let (dump, btf) = (Dump::of_running_kernel(), running());
    for name in [
        "SOCK_KEEPOPEN",
        "LINUX_MIB_TCPKEEPALIVE",
        "NO_SUCH_ENUMERATOR",
    ] {
        assert_eq!(btf.enumerator(name), dump.enumerator(name), "{name}");
    }
    assert!(dump.enumerator("SOCK_KEEPOPEN").is_some());
    for name in ["bpf_iter_tcp", "tcp_keepalive_timer", "no_such_function"] {
        let ours = btf.find(&[(BtfKind::Func, name)])[0];
        assert_eq!(ours.map(u64::from), dump.function(name), "{name}");
    }
}

#[test]
fn the_layout_holds_every_required_field_and_names_the_others() {
    let facts = layout::resolve(&running()).unwrap();
    let mut layout = facts.layout;
    for spec in Layout::SPEC {
        let present = (spec.slot)(&mut layout).is_present();
        assert!(present || spec.need == Need::Optional, "{}", spec.name);
        assert_eq!(present, !facts.absent.contains(&spec.name), "{}", spec.name);
    }
}

/// The moved keepalive timer is chosen by the field's presence.
#[test]
fn the_keepalive_timer_is_not_mistaken_for_the_retransmit_timer() {
    let btf = running();
    let ids = btf.find(&[
        (BtfKind::Struct, "inet_connection_sock"),
        (BtfKind::Struct, "sock"),
    ]);
    let moved = btf.member(ids[0].unwrap(), "icsk_keepalive_timer.expires");
    let old = btf.member(ids[1].unwrap(), "sk_timer.expires");
    let expected = moved.or(old).unwrap();
    let facts = layout::resolve(&btf).unwrap();
    assert_eq!(
        u32::from(facts.layout.keepalive_expires.offset),
        expected.offset
    );
    assert_ne!(
        facts.layout.keepalive_expires.offset,
        facts.layout.retransmit_expires.offset
    );
}

#[test]
fn blanked_btf_keeps_the_numbers_of_functions() {
    let btf = running();
    let wanted = [
        (BtfKind::Func, "bpf_iter_tcp"),
        (BtfKind::Func, "tcp_set_keepalive"),
    ];
    let ids: Vec<u32> = btf.find(&wanted).into_iter().flatten().collect();
    assert_eq!(ids.len(), 2);
    let small = Btf::parse(btf.only(&ids)).unwrap();
    assert_eq!(
        small
            .find(&wanted)
            .into_iter()
            .flatten()
            .collect::<Vec<_>>(),
        ids
    );
    assert_eq!(small.find(&[(BtfKind::Func, "vprintk")]), [None]);
}

/// Cut at any length, and with bytes changed, the reader answers or errs; it never panics.
#[test]
fn damaged_btf_is_an_error_or_an_answer() {
    let whole = std::fs::read(BTF_PATH).expect(BTF_PATH);
    assert_eq!(Btf::parse(Vec::new()).unwrap_err(), BtfError::Header);
    for len in (0..whole.len()).step_by(whole.len() / 97) {
        Btf::parse(whole[..len].to_vec()).unwrap_err();
    }
    let small = running().only(&[40]);
    for at in 0..small.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = small.clone();
            bytes[at] = value;
            if let Ok(btf) = Btf::parse(bytes) {
                let _ids = btf.find(&[(BtfKind::Struct, "sock"), (BtfKind::Func, "x")]);
                let _member = btf.member(3, "a.b");
                let _value = btf.enumerator("SOCK_KEEPOPEN");
            }
        }
    }
    let mut bytes = whole;
    let start = bytes.len() / 3;
    for at in (start..start + 4096).step_by(3) {
        bytes[at] ^= 0xa5;
    }
    if let Ok(btf) = Btf::parse(bytes) {
        let _facts = layout::resolve(&btf);
    }
}
