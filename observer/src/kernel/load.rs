//! Loading of walk programs into the kernel.

use std::fs::File;

use aya::maps::{HashMap, Map, MapData};
use aya::programs::Iter;
use aya::programs::iter::IterLink;
use aya::{Ebpf, EbpfLoader, Endianness};
use observer_common::TrackedSocket;
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::btf::{Btf, BtfKind};
use super::layout::{self, ResolvedLayout};

use super::error::{BTF_PATH, KernelError};

/// Map of the sockets that hooks track.
pub(super) type TrackedMap = HashMap<MapData, u64, TrackedSocket>;

const FILES: &str = "task_file";
const TABLES: &str = "tcp";

/// BTF of the running kernel, and the layout of the fields that the programs read.
pub(super) fn read_kernel_btf() -> Result<(Btf, ResolvedLayout), KernelError> {
    let data = std::fs::read(BTF_PATH).map_err(|error| KernelError::NoBtf {
        path: BTF_PATH.into(),
        error,
    })?;
    let btf = Btf::parse(data).map_err(KernelError::Btf)?;
    let layout = layout::resolve(&btf)?;
    Ok((btf, layout))
}

/// The part of the running kernel's BTF that the walks need.
pub(super) struct WalkTypes {
    /// Places of fields in this kernel.
    pub(super) layout: ResolvedLayout,
    /// BTF of the iterators' functions, for aya.
    pub(super) functions: Vec<u8>,
}

impl WalkTypes {
    /// Reads the running kernel's BTF.
    pub(super) fn read() -> Result<Self, KernelError> {
        let (btf, layout) = read_kernel_btf()?;
        let ids = btf.find(&[
            (BtfKind::Func, "bpf_iter_task_file"),
            (BtfKind::Func, "bpf_iter_tcp"),
        ]);
        let [Some(files), Some(tables)] = ids[..] else {
            let missing = if ids.first() == Some(&None) {
                FILES
            } else {
                TABLES
            };
            return Err(KernelError::NoIterator(missing));
        };
        let functions = btf.only(&[files, tables]);
        Ok(Self { layout, functions })
    }
}

/// aya's loader, without the kernel's BTF.
///
/// When it is made it reads and parses all of that (20 ms, 20 MiB), and it has no way not to. So
/// it is made on a thread of which the root is a folder where it finds none. Without CAP_SYS_CHROOT
/// it takes its time.
pub(super) fn new_loader<'a>() -> EbpfLoader<'a> {
    std::thread::scope(|scope| {
        let hidden = || {
            // SAFETY: what is dangerous to stop sharing is the table of descriptors, not the root.
            let alone = unsafe { unshare_unsafe(UnshareFlags::FS) };
            let _or_slow = alone.and_then(|()| rustix::process::chroot("/sys/kernel/btf"));
            EbpfLoader::new()
        };
        let thread = std::thread::Builder::new().name("loader".into());
        match thread.spawn_scoped(scope, hidden) {
            Ok(thread) => thread.join().unwrap_or_else(|_| EbpfLoader::new()),
            Err(_) => EbpfLoader::new(),
        }
    })
}

/// An object with a walk of descriptors and one of the TCP tables.
pub(super) struct WalkPrograms {
    pub(super) ebpf: Ebpf,
    files: &'static str,
    tables: &'static str,
    tables_loaded: bool,
}

impl WalkPrograms {
    /// Makes the maps, and gives the verifier nothing yet. The programs are named `files` and
    /// `tables`.
    pub(super) fn create(
        object: &[u8],
        layout: &ResolvedLayout,
        files: &'static str,
        tables: &'static str,
    ) -> Result<Self, KernelError> {
        let ebpf = new_loader()
            .btf(None)
            .override_global("LAYOUT", &layout.layout, true)
            .override_global("KEEPOPEN_BIT", &layout.keepopen_bit, true)
            .load(object)
            .map_err(|error| KernelError::refused("creating the eBPF maps", error))?;
        Ok(Self {
            ebpf,
            files,
            tables,
            tables_loaded: false,
        })
    }

    /// Gives the walk of descriptors to the verifier.
    pub(super) fn load_files(&mut self, functions: &[u8]) -> Result<(), KernelError> {
        self.load(self.files, FILES, functions)
    }

    /// Gives the walk of the TCP tables to the verifier, unless it has it.
    pub(super) fn load_tables(&mut self, functions: &[u8]) -> Result<(), KernelError> {
        if !self.tables_loaded {
            self.load(self.tables, TABLES, functions)?;
            self.tables_loaded = true;
        }
        Ok(())
    }

    fn load(
        &mut self,
        name: &'static str,
        iterator: &'static str,
        functions: &[u8],
    ) -> Result<(), KernelError> {
        let functions = aya::Btf::parse(functions, Endianness::default())
            .map_err(|error| KernelError::refused("reading BTF", error))?;
        iter_program(&mut self.ebpf, name)?
            .load(iterator, &functions)
            .map_err(|error| KernelError::refused("loading the scan programs", error))
    }

    /// Walk of every file descriptor, ready to read.
    pub(super) fn walk_files(&mut self) -> Result<File, KernelError> {
        open_walk(self.link(self.files)?)
    }

    /// Walk of the TCP tables, to be opened by [`open_walk`] in the namespace that it is for.
    pub(super) fn link_tables(&mut self) -> Result<IterLink, KernelError> {
        self.link(self.tables)
    }

    fn link(&mut self, name: &'static str) -> Result<IterLink, KernelError> {
        let program = iter_program(&mut self.ebpf, name)?;
        let refused = |error| KernelError::refused("attaching the scan programs", error);
        let link = program.attach().map_err(refused)?;
        program.take_link(link).map_err(refused)
    }
}

/// Opens the walk in the network namespace of the current thread.
pub(super) fn open_walk(link: IterLink) -> Result<File, KernelError> {
    link.into_file()
        .map_err(|error| KernelError::refused("opening the scan", error))
}

/// Map of the object, by name.
pub(super) fn take_map(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, KernelError> {
    ebpf.take_map(name).ok_or(KernelError::Refused {
        step: "finding the eBPF maps",
        reason: format!("the object holds no {name}"),
    })
}

fn iter_program<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Iter, KernelError> {
    ebpf.program_mut(name)
        .and_then(|program| program.try_into().ok())
        .ok_or(KernelError::Refused {
            step: "finding the scan programs",
            reason: format!("the object holds no iterator {name}"),
        })
}
