//! The walks that do next to nothing.

use std::fs::File;
use std::io::{ErrorKind, Read as _};

use anyhow::{Context as _, bail};
use aya::maps::Array;
use aya::programs::Iter;
use aya::{Btf, Ebpf, EbpfLoader};
use observer::kernel::btf;
use observer::kernel::error::BTF_PATH;
use observer::kernel::layout;

static OBJECT: &[u8] = aya::include_bytes_aligned!("floors.bpf.o");

const EMPTY: &str = "empty_files";
const TOUCH: &str = "touch_files";
const COUNT: &str = "count_files";

/// The programs, loaded.
pub(crate) struct Walks(Ebpf);

impl Walks {
    pub(crate) fn load() -> anyhow::Result<Self> {
        let data = std::fs::read(BTF_PATH).with_context(|| format!("cannot read {BTF_PATH}"))?;
        let layout = layout::resolve(&btf::Btf::parse(data)?)?;
        let mut ebpf = EbpfLoader::new()
            .override_global("LAYOUT", &layout.layout, true)
            .load(OBJECT)
            .context("cannot create the eBPF maps: run this as root")?;
        let btf = Btf::from_sys_fs()?;
        for name in [EMPTY, TOUCH, COUNT] {
            let program = program(&mut ebpf, name)?;
            program
                .load("task_file", &btf)
                .with_context(|| format!("the kernel refuses {name}"))?;
        }
        Ok(Self(ebpf))
    }

    pub(crate) fn empty(&mut self) -> anyhow::Result<()> {
        self.walk(EMPTY)
    }

    pub(crate) fn touch(&mut self) -> anyhow::Result<()> {
        self.walk(TOUCH)
    }

    /// Number of descriptors of TCP sockets a walk comes upon.
    pub(crate) fn count(&mut self) -> anyhow::Result<u64> {
        self.walk(COUNT)?;
        let map = self.0.map("TOUCHED").context("the object has no count")?;
        Ok(Array::<_, u64>::try_from(map)?.get(&0, 0)?)
    }

    /// Attaches, opens and reads to the end, as observer's own walks do.
    fn walk(&mut self, name: &str) -> anyhow::Result<()> {
        let program = program(&mut self.0, name)?;
        let link = program.attach()?;
        read_to_end(program.take_link(link)?.into_file()?)
    }
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> anyhow::Result<&'a mut Iter> {
    let program = ebpf.program_mut(name);
    let program = program.with_context(|| format!("the object has no program {name}"))?;
    Ok(program.try_into()?)
}

fn read_to_end(mut walk: File) -> anyhow::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match walk.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(len) => bail!("a walk that writes nothing has written {len} bytes"),
            // The kernel asks to be read again when a walk was long without a record.
            Err(error)
                if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error).context("cannot read the walk"),
        }
    }
}
