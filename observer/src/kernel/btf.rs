//! Reader of the kernel's BTF: struct members at any depth, enumerators, and the existence of
//! functions. It keeps the bytes and an index of offsets, nothing else.
//!
//! Format: <https://docs.kernel.org/bpf/btf.html>. Any bytes may come in: a wrong length or id is
//! an error, never a panic.

use rustc_hash::FxHashSet;
use thiserror::Error;

/// Reason why bytes are not BTF, or lack the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BtfError {
    /// The bytes do not begin as BTF of this host's byte order.
    #[error("not BTF: the header is wrong")]
    Header,
    /// A section or a type reaches past the end.
    #[error("BTF is cut off or damaged at byte {at}")]
    Truncated {
        /// Offset in the type section.
        at: usize,
    },
    /// A kind that this reader does not know, so that what follows cannot be found.
    #[error(
        "BTF holds a type of unknown kind {kind} at byte {at}; observer is older than this kernel's format"
    )]
    Kind {
        /// Its number.
        kind: u8,
        /// Offset in the type section.
        at: usize,
    },
}

/// Kinds of type that can be looked up by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BtfKind {
    /// A structure.
    Struct,
    /// A function.
    Func,
    /// A name for another type; each tracepoint has one, `btf_trace_NAME`.
    Typedef,
    /// An enumeration, signed or not, 32 or 64 bits.
    Enum,
}

/// Place and size of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Bytes from the start of the outermost structure to the unit that holds the member.
    pub offset: u32,
    /// Size in bytes; for a bitfield, of the smallest aligned unit that holds it.
    pub size: u32,
    /// For a bitfield, its first bit in that unit.
    pub bit: u32,
    /// For a bitfield, its width; else 0.
    pub bits: u32,
}

/// BTF in memory.
#[derive(Debug)]
pub struct Btf {
    data: Vec<u8>,
    /// Offset in `data` of each type; type 0 is void and has no bytes.
    types: Vec<u32>,
    strings: (usize, usize),
}

const KIND_STRUCT: u8 = 4;
const KIND_UNION: u8 = 5;
const KIND_ENUM: u8 = 6;
const KIND_ARRAY: u8 = 3;
const KIND_INT: u8 = 1;
const KIND_PTR: u8 = 2;
const KIND_FLOAT: u8 = 16;
const KIND_TYPEDEF: u8 = 8;
const KIND_FUNC: u8 = 12;
const KIND_FUNC_PROTO: u8 = 13;
const KIND_ENUM64: u8 = 19;
/// Depth limit of nested types: no C type nests deeper by far; damaged BTF may refer to itself.
const MAX_DEPTH: u32 = 32;

/// Head that every type begins with.
#[derive(Debug, Clone, Copy)]
struct Head {
    name: u32,
    vlen: u32,
    kind: u8,
    kind_flag: bool,
    /// Size, or the type referred to.
    size_or_type: u32,
    /// Offset of the data after the head.
    body: usize,
}

impl Btf {
    /// Checks and indexes `data`, the whole of `/sys/kernel/btf/vmlinux`.
    pub fn parse(data: Vec<u8>) -> Result<Self, BtfError> {
        let word = |at| read_u32(&data, at).ok_or(BtfError::Header);
        let magic = data.get(..2).ok_or(BtfError::Header)?;
        if magic != 0xeb9f_u16.to_ne_bytes() {
            return Err(BtfError::Header);
        }
        let (header, type_off, type_len) = (word(4)?, word(8)?, word(12)?);
        let (str_off, str_len) = (word(16)?, word(20)?);
        let section = |offset: u32, len: u32| {
            let start = (header as usize).checked_add(offset as usize)?;
            let end = start.checked_add(len as usize)?;
            (end <= data.len()).then_some((start, end))
        };
        let cut = BtfError::Truncated { at: data.len() };
        let (start, end) = section(type_off, type_len).ok_or(cut.clone())?;
        let strings = section(str_off, str_len).ok_or(cut)?;
        let types = index(&data, start, end)?;
        Ok(Self {
            data,
            types,
            strings,
        })
    }

    /// Ids of all types of the given kinds and names, in the order asked, by one pass.
    #[must_use]
    pub fn find(&self, wanted: &[(BtfKind, &str)]) -> Vec<Option<u32>> {
        let mut found = vec![None; wanted.len()];
        for id in 1..self.types.len() {
            let Some(head) = u32::try_from(id).ok().and_then(|id| self.head(id)) else {
                continue;
            };
            let kind = match head.kind {
                KIND_STRUCT => BtfKind::Struct,
                KIND_FUNC => BtfKind::Func,
                KIND_TYPEDEF => BtfKind::Typedef,
                KIND_ENUM | KIND_ENUM64 => BtfKind::Enum,
                _ => continue,
            };
            if head.name == 0 {
                continue;
            }
            for (slot, (wanted_kind, name)) in found.iter_mut().zip(wanted) {
                if slot.is_none() && *wanted_kind == kind && self.is_named(head.name, name) {
                    *slot = u32::try_from(id).ok();
                }
            }
        }
        found
    }

    /// Member by its path, such as `icsk_ack.lrcvtime`; members of anonymous structures and
    /// unions belong to the structure around them.
    #[must_use]
    pub fn member(&self, structure: u32, path: &str) -> Option<Member> {
        let mut id = structure;
        let mut base_bits = 0_u32;
        let mut found = None;
        for part in path.split('.') {
            let mut seen = FxHashSet::default();
            let (member_type, offset_bits, width) =
                self.find_member(id, part, MAX_DEPTH, &mut seen)?;
            base_bits = base_bits.checked_add(offset_bits)?;
            id = self.resolve(member_type)?;
            found = Some((id, width));
        }
        let (id, bits) = found?;
        let size = self.size_of(id, MAX_DEPTH)?;
        if bits == 0 {
            return Some(Member {
                offset: base_bits / 8,
                size,
                bit: 0,
                bits: 0,
            });
        }
        // The smallest aligned unit that holds the whole bitfield.
        [8_u32, 16, 32, 64].into_iter().find_map(|unit| {
            let bit = base_bits % unit;
            (bit + bits <= unit).then_some(Member {
                offset: base_bits / unit * (unit / 8),
                size: unit / 8,
                bit,
                bits,
            })
        })
    }

    /// Value of an enumerator, whichever enumeration has it.
    #[must_use]
    pub fn enumerator(&self, name: &str) -> Option<u64> {
        for id in 1..self.types.len() {
            let head = u32::try_from(id).ok().and_then(|id| self.head(id))?;
            let step = match head.kind {
                KIND_ENUM => 8,
                KIND_ENUM64 => 12,
                _ => continue,
            };
            for n in 0..head.vlen as usize {
                let at = head.body + n * step;
                if !self.is_named(read_u32(&self.data, at)?, name) {
                    continue;
                }
                let low = u64::from(read_u32(&self.data, at + 4)?);
                let high = if step == 12 {
                    u64::from(read_u32(&self.data, at + 8)?)
                } else {
                    0
                };
                return Some(high << 32 | low);
            }
        }
        None
    }

    /// Size of a type in bytes.
    pub fn size(&self, id: u32) -> Option<u32> {
        self.size_of(id, 0)
    }

    /// Number of parameters of a function.
    #[must_use]
    pub fn parameters(&self, function: u32) -> Option<u32> {
        let head = self.head(function).filter(|head| head.kind == KIND_FUNC)?;
        let prototype = self.head(head.size_or_type)?;
        (prototype.kind == KIND_FUNC_PROTO).then_some(prototype.vlen)
    }

    /// BTF of the same numbering in which only these functions and type definitions are left, by
    /// name, all else blanked out. aya looks nothing else up, and takes a tenth of the time and
    /// memory for it.
    #[must_use]
    pub fn only(&self, ids: &[u32]) -> Vec<u8> {
        let last = ids.iter().copied().max().unwrap_or(0);
        let mut types = Vec::with_capacity(last as usize * 12);
        let mut strings = vec![0_u8];
        for id in 1..=last {
            let head = ids.contains(&id).then(|| self.head(id)).flatten();
            let named = head.and_then(|head| Some((self.string(head.name)?, head.kind)));
            let (name_offset, kind) = match named {
                Some((name, kind)) => {
                    let at = u32::try_from(strings.len()).unwrap_or(0);
                    strings.extend_from_slice(name);
                    strings.push(0);
                    (at, u32::from(kind))
                }
                // A pointer to void: the smallest type that needs no name.
                None => (0, u32::from(KIND_PTR)),
            };
            for word in [name_offset, kind << 24, 0] {
                types.extend_from_slice(&word.to_ne_bytes());
            }
        }
        let (type_len, str_len) = (
            u32::try_from(types.len()).unwrap_or(0),
            u32::try_from(strings.len()).unwrap_or(0),
        );
        let mut data = Vec::with_capacity(24 + types.len() + strings.len());
        data.extend_from_slice(&0xeb9f_u16.to_ne_bytes());
        data.extend_from_slice(&[1, 0]);
        for word in [24, 0, type_len, type_len, str_len] {
            data.extend_from_slice(&word.to_ne_bytes());
        }
        data.extend_from_slice(&types);
        data.extend_from_slice(&strings);
        data
    }

    fn head(&self, id: u32) -> Option<Head> {
        if id == 0 {
            return None;
        }
        read_head(&self.data, *self.types.get(id as usize)? as usize)
    }

    fn string(&self, offset: u32) -> Option<&[u8]> {
        let (start, end) = self.strings;
        let text = self.data.get(start.checked_add(offset as usize)?..end)?;
        let len = text.iter().position(|b| *b == 0)?;
        text.get(..len)
    }

    fn is_named(&self, offset: u32, name: &str) -> bool {
        let (start, end) = self.strings;
        let Some(text) = self.data.get(start.saturating_add(offset as usize)..end) else {
            return false;
        };
        text.get(name.len()) == Some(&0) && text.starts_with(name.as_bytes())
    }

    /// Type, offset in bits and bitfield width (0 for none) of a member. `seen` are the structures
    /// that were looked into: in damaged BTF one may be in itself many times.
    fn find_member(
        &self,
        id: u32,
        name: &str,
        depth: u32,
        seen: &mut FxHashSet<u32>,
    ) -> Option<(u32, u32, u32)> {
        let head = self.head(id)?;
        if !matches!(head.kind, KIND_STRUCT | KIND_UNION) || !seen.insert(id) {
            return None;
        }
        for n in 0..head.vlen as usize {
            let at = head.body + n * 12;
            let member_name = read_u32(&self.data, at)?;
            let member_type = read_u32(&self.data, at + 4)?;
            let packed = read_u32(&self.data, at + 8)?;
            let (offset, width) = if head.kind_flag {
                (packed & 0x00ff_ffff, packed >> 24)
            } else {
                (packed, 0)
            };
            if self.is_named(member_name, name) {
                return Some((member_type, offset, width));
            }
            if !self.is_named(member_name, "") || depth == 0 {
                continue;
            }
            let inner = self
                .resolve(member_type)
                .and_then(|inner| self.find_member(inner, name, depth - 1, seen));
            if let Some((inner_type, inner_offset, width)) = inner {
                return Some((inner_type, offset.checked_add(inner_offset)?, width));
            }
        }
        None
    }

    /// Follows typedefs and qualifiers.
    fn resolve(&self, mut id: u32) -> Option<u32> {
        for _ in 0..MAX_DEPTH {
            let head = self.head(id)?;
            match head.kind {
                // typedef, volatile, const, restrict, type tag
                8..=11 | 18 => id = head.size_or_type,
                _ => return Some(id),
            }
        }
        None
    }

    fn size_of(&self, id: u32, depth: u32) -> Option<u32> {
        let id = self.resolve(id)?;
        let head = self.head(id)?;
        match head.kind {
            KIND_INT | KIND_STRUCT | KIND_UNION | KIND_ENUM | KIND_ENUM64 | KIND_FLOAT => {
                Some(head.size_or_type)
            }
            KIND_PTR => Some(8),
            KIND_ARRAY if depth > 0 => {
                let element = self.size_of(read_u32(&self.data, head.body)?, depth - 1)?;
                element.checked_mul(read_u32(&self.data, head.body + 8)?)
            }
            _ => None,
        }
    }
}

fn read_u32(data: &[u8], at: usize) -> Option<u32> {
    let bytes = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

fn read_head(data: &[u8], at: usize) -> Option<Head> {
    let info = read_u32(data, at + 4)?;
    Some(Head {
        name: read_u32(data, at)?,
        vlen: info & 0xffff,
        kind: (info >> 24 & 0x1f) as u8,
        kind_flag: info >> 31 != 0,
        size_or_type: read_u32(data, at + 8)?,
        body: at + 12,
    })
}

/// Offset of each type.
fn index(data: &[u8], start: usize, end: usize) -> Result<Vec<u32>, BtfError> {
    let mut types = Vec::with_capacity((end - start) / 24);
    types.push(0);
    let mut at = start;
    while at < end {
        let cut = BtfError::Truncated { at: at - start };
        let head = read_head(data, at).ok_or(cut.clone())?;
        let vlen = head.vlen as usize;
        let body = match head.kind {
            // int, variable, declaration tag
            KIND_INT | 14 | 17 => 4,
            KIND_ARRAY => 12,
            KIND_STRUCT | KIND_UNION | KIND_ENUM64 | 15 => vlen * 12,
            KIND_ENUM | 13 => vlen * 8,
            // pointer, forward, typedef, volatile, const, restrict, function, float, type tag
            KIND_PTR | 7..=12 | KIND_FLOAT | 18 => 0,
            kind => {
                return Err(BtfError::Kind {
                    kind,
                    at: at - start,
                });
            }
        };
        let next = head.body + body;
        if next > end {
            return Err(cut);
        }
        types.push(u32::try_from(at).map_err(|_| cut)?);
        at = next;
    }
    Ok(types)
}

#[cfg(test)]
#[path = "btf_tests.rs"]
mod tests;
