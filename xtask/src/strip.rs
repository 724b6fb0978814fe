//! Takes the DWARF out of the eBPF object. The kernel and aya read BTF only, which the linker
//! has derived from it by then.

use anyhow::Result;
use object::{
    build::elf::{Builder, SectionData},
    elf::SHT_STRTAB,
};

/// Besides its size, DWARF would cost reproducibility: it names compilation units by hashes
/// that depend on where the toolchain is installed.
pub(crate) fn without_dwarf(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object)?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        section.delete = name.starts_with(b".debug_") || name.starts_with(b".rel.debug_");
        // LLVM keeps the names of symbols and of sections in one table; `object` writes two.
        if matches!(section.data, SectionData::SectionString) {
            section.data = SectionData::String;
        }
    }
    let names = builder.sections.add();
    names.name = b".shstrtab".as_slice().into();
    names.sh_type = SHT_STRTAB;
    names.data = SectionData::SectionString;

    let mut stripped = Vec::new();
    builder.write(&mut stripped)?;
    Ok(stripped)
}
