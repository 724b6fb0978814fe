//! Layout of the running kernel's structures, from its BTF.

use observer_common::layout::{FieldSpec, Need};
use observer_common::{Field, Layout};
use thiserror::Error;

use super::btf::{Btf, BtfKind};

/// Layout of the running kernel, as the programs need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedLayout {
    /// Places of the fields.
    pub layout: Layout,
    /// Bit number of `SOCK_KEEPOPEN` in `skc_flags`.
    pub keepopen_bit: u32,
    /// Optional fields that this kernel does not have, by their name in [`Layout`].
    pub absent: Vec<&'static str>,
}

/// Reason why this kernel cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// No structure of that name, or no such member in it.
    #[error("this kernel's BTF has no {places}, which observer needs for `{name}`")]
    Missing {
        /// The field's name in [`Layout`].
        name: &'static str,
        /// Structures and members that were tried.
        places: String,
    },
    /// Found, but not of a size that can be loaded.
    #[error(
        "{place} is at byte {offset} and {size} bytes long in this kernel, which observer cannot load"
    )]
    Shape {
        /// Structure and member.
        place: String,
        /// Bytes from the start of the structure.
        offset: u32,
        /// Its size in bytes.
        size: u32,
    },
    /// No such enumerator.
    #[error("this kernel's BTF has no enumerator {0}")]
    Enumerator(&'static str),
}

/// Resolves every field of [`Layout`].
pub fn resolve(btf: &Btf) -> Result<ResolvedLayout, LayoutError> {
    let mut names: Vec<(BtfKind, &str)> = Layout::SPEC
        .iter()
        .flat_map(|spec| spec.places)
        .map(|(structure, _)| (BtfKind::Struct, *structure))
        .collect();
    names.sort_unstable_by_key(|(_, name)| *name);
    names.dedup();
    let ids = btf.find(&names);
    let id_of = |structure: &str| {
        let at = names.iter().position(|(_, name)| *name == structure)?;
        ids.get(at).copied().flatten()
    };
    let mut layout = Layout::EMPTY;
    let mut absent = Vec::new();
    for spec in Layout::SPEC {
        match field(btf, spec, id_of)? {
            Some(found) => *(spec.slot)(&mut layout) = found,
            None => absent.push(spec.name),
        }
    }
    let keepopen_bit = btf
        .enumerator("SOCK_KEEPOPEN")
        .and_then(|bit| u32::try_from(bit).ok())
        .ok_or(LayoutError::Enumerator("SOCK_KEEPOPEN"))?;
    Ok(ResolvedLayout {
        layout,
        keepopen_bit,
        absent,
    })
}

fn field(
    btf: &Btf,
    spec: &FieldSpec,
    id_of: impl Fn(&str) -> Option<u32>,
) -> Result<Option<Field>, LayoutError> {
    for (structure, path) in spec.places {
        let Some(member) = id_of(structure).and_then(|id| btf.member(id, path)) else {
            continue;
        };
        let shape = || LayoutError::Shape {
            place: format!("{structure}.{path}"),
            offset: member.offset,
            size: member.size,
        };
        return Ok(Some(Field {
            offset: u16::try_from(member.offset).map_err(|_| shape())?,
            // A flexible array has no size, and is there all the same.
            size: u8::try_from(member.size.max(1)).map_err(|_| shape())?,
            bit: u8::try_from(member.bit).map_err(|_| shape())?,
            bits: u8::try_from(member.bits).map_err(|_| shape())?,
            padding: [0; 3],
        }));
    }
    match spec.need {
        Need::Optional => Ok(None),
        Need::Required => Err(LayoutError::Missing {
            name: spec.name,
            places: spec
                .places
                .iter()
                .map(|(structure, path)| format!("{structure}.{path}"))
                .collect::<Vec<_>>()
                .join(" nor "),
        }),
    }
}
