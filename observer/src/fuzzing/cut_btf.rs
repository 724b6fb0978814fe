//! Cuts a kernel's BTF down to what observer looks up in it: 5 MB become a few KB, small enough to
//! mutate.

use std::collections::BTreeMap;

use crate::kernel::btf::{Btf, BtfKind};
use crate::kernel::hooks::plan::btf_names;
use observer_common::Layout;

const INT: u32 = 1;
const PTR: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const ENUM64: u32 = 19;

/// Type information in words, and names.
struct Whole<'a> {
    types: Vec<&'a [u8]>,
    strings: &'a [u8],
}

/// The new BTF as it grows: new ids by old ones, and each new type's words.
#[derive(Default)]
struct Cut {
    ids: BTreeMap<u32, u32>,
    types: Vec<Vec<u32>>,
    strings: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn kind(bytes: &[u8]) -> u32 {
    word(bytes, 4) >> 24 & 0x1f
}

impl<'a> Whole<'a> {
    fn read(data: &'a [u8]) -> Self {
        let section = |off, len| {
            let start = (word(data, 4) + word(data, off)) as usize;
            &data[start..start + word(data, len) as usize]
        };
        let (mut rest, strings) = (section(8, 12), section(16, 20));
        let mut types: Vec<&[u8]> = vec![&[]];
        while !rest.is_empty() {
            let vlen = (word(rest, 4) & 0xffff) as usize;
            let body = match kind(rest) {
                1 | 14 | 17 => 4,
                3 => 12,
                4 | 5 | 15 | 19 => vlen * 12,
                6 | 13 => vlen * 8,
                _ => 0,
            };
            let (first, after) = rest.split_at(12 + body);
            types.push(first);
            rest = after;
        }
        Self { types, strings }
    }

    fn name(&self, offset: u32) -> &[u8] {
        let text = &self.strings[offset as usize..];
        &text[..text.iter().position(|byte| *byte == 0).unwrap()]
    }
}

impl Cut {
    fn text(&mut self, name: &[u8]) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let at = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend_from_slice(name);
        self.strings.push(0);
        at
    }

    /// Takes a type over with what it consists of, and of structures the members that are wanted.
    fn take(&mut self, whole: &Whole<'_>, id: u32, wanted: &[Vec<u8>]) -> u32 {
        if id == 0 {
            return 0;
        }
        if let Some(known) = self.ids.get(&id) {
            return *known;
        }
        let bytes = whole.types[id as usize];
        let (info, kind) = (word(bytes, 4), kind(bytes));
        self.types.push(Vec::new());
        let new = u32::try_from(self.types.len()).unwrap();
        self.ids.insert(id, new);
        let name = self.text(whole.name(word(bytes, 0)));
        let refers = |this: &mut Self, at| this.take(whole, word(bytes, at), wanted);
        let (vlen, third, body) = match kind {
            INT => (0, word(bytes, 8), vec![word(bytes, 12)]),
            PTR => (0, 0, vec![]),
            ARRAY => {
                let element = refers(self, 12);
                (0, 0, vec![element, element, word(bytes, 20)])
            }
            STRUCT | UNION => {
                let body = self.members(whole, bytes, wanted);
                (body.len() / 3, word(bytes, 8), body)
            }
            ENUM | ENUM64 => {
                let body = self.enumerators(whole, bytes, if kind == ENUM { 2 } else { 3 });
                (
                    body.len() / if kind == ENUM { 2 } else { 3 },
                    word(bytes, 8),
                    body,
                )
            }
            13 => (0, 0, vec![]),
            _ => (0, refers(self, 8), vec![]),
        };
        let head = [name, info & !0xffff | u32::try_from(vlen).unwrap(), third];
        self.types[new as usize - 1] = [&head, body.as_slice()].concat();
        new
    }

    fn members(&mut self, whole: &Whole<'_>, bytes: &[u8], wanted: &[Vec<u8>]) -> Vec<u32> {
        let mut body = Vec::new();
        for member in bytes[12..].chunks(12) {
            let name = whole.name(word(member, 0));
            let inner = whole.types[word(member, 4) as usize];
            let anonymous = name.is_empty() && matches!(kind(inner), STRUCT | UNION);
            if anonymous || wanted.iter().any(|wanted| wanted == name) {
                let name = self.text(name);
                body.extend([
                    name,
                    self.take(whole, word(member, 4), wanted),
                    word(member, 8),
                ]);
            }
        }
        body
    }

    fn enumerators(&mut self, whole: &Whole<'_>, bytes: &[u8], words: usize) -> Vec<u32> {
        let mut body = Vec::new();
        for enumerator in bytes[12..].chunks(words * 4) {
            let name = whole.name(word(enumerator, 0));
            if matches!(
                name,
                b"SOCK_KEEPOPEN" | b"SOCK_DEAD" | b"LINUX_MIB_TCPKEEPALIVE"
            ) {
                body.push(self.text(name));
                body.extend((1..words).map(|at| word(enumerator, at * 4)));
            }
        }
        body
    }

    fn into_bytes(self) -> Vec<u8> {
        let types: Vec<u8> = self
            .types
            .concat()
            .into_iter()
            .flat_map(u32::to_ne_bytes)
            .collect();
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let mut data = vec![0x9f, 0xeb, 1, 0];
        for word in [24, 0, len(&types), len(&types), len(&self.strings)] {
            data.extend(u32::to_ne_bytes(word));
        }
        [data, types, self.strings].concat()
    }
}

/// Functions, type definitions and structures that are looked up, with the members that are.
pub(super) fn cut(data: &[u8]) -> Vec<u8> {
    let whole = Whole::read(data);
    let btf = Btf::parse(data.to_vec()).unwrap();
    let mut names = btf_names();
    names.push((BtfKind::Struct, "tcp_sock".to_owned()));
    let places = Layout::SPEC.iter().flat_map(|spec| spec.places);
    let mut wanted: Vec<Vec<u8>> = Vec::new();
    for (structure, path) in places {
        names.push((BtfKind::Struct, (*structure).to_owned()));
        wanted.extend(path.split('.').map(|part| part.as_bytes().to_vec()));
    }
    let names: Vec<(BtfKind, &str)> = names
        .iter()
        .map(|(kind, name)| (*kind, name.as_str()))
        .collect();
    let mut cut = Cut {
        strings: vec![0],
        ..Cut::default()
    };
    for id in btf.find(&names).into_iter().flatten() {
        cut.take(&whole, id, &wanted);
    }
    for (id, bytes) in whole.types.iter().enumerate().skip(1) {
        let words = match kind(bytes) {
            ENUM => 2,
            ENUM64 => 3,
            _ => continue,
        };
        if !Cut::default().enumerators(&whole, bytes, words).is_empty() {
            cut.take(&whole, u32::try_from(id).unwrap(), &wanted);
        }
    }
    cut.into_bytes()
}
