//! Hands the programs to the kernel.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use aya::maps::of_maps::ArrayOfMaps;
use aya::maps::{Array, HashMap, Map, MapData, MapError};
use aya::programs::iter::IterLink;
use aya::programs::{Iter, ProgramError};
use aya::{Ebpf, EbpfLoader, Endianness};
use observer_common::{Note, ScanMode};
use rustix::thread::{CapabilitySet, UnshareFlags, unshare_unsafe};
use thiserror::Error;

use super::btf::{Btf, BtfError, Kind};
use super::layout::{self, Facts, LayoutError};
use crate::model::scan::Scan;

/// Where the kernel describes its own types.
pub const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

static OBJECT: &[u8] = aya::include_bytes_aligned!("scan.bpf.o");

/// Why the scan by iterators does not work here. Each message is whole: there is no chain of causes
/// behind it.
#[derive(Debug, Error)]
pub enum KernelError {
    /// No BTF, or it may not be read.
    #[error("cannot read {}: {error}; the kernel must be built with CONFIG_DEBUG_INFO_BTF=y", path.display())]
    NoBtf {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The kernel's BTF is damaged.
    #[error("{BTF_PATH}: {0}")]
    Btf(BtfError),
    /// A field that observer needs is not there.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The kernel has no such iterator.
    #[error("this kernel has no {0} iterator (Linux 5.8 and later have)")]
    NoIterator(&'static str),
    /// The kernel refused.
    #[error("{step}: {reason}")]
    Refused {
        /// What was tried.
        step: &'static str,
        /// What the kernel said.
        reason: String,
    },
    /// Not one hook could be attached.
    #[error("no hook can be attached here: {0}")]
    NoHook(String),
    /// The ring buffer cannot be read.
    #[error("waiting for events: {error}")]
    Events {
        /// Why.
        error: io::Error,
    },
    /// Walking failed.
    #[error("reading the {iterator} iterator: {error}")]
    Read {
        /// Which walk.
        iterator: &'static str,
        /// Why.
        error: io::Error,
    },
    /// observer's own socket was not read as it is.
    #[error(
        "self-check: observer's own socket has {field} {expected}, what was read is {found}; this kernel lays out its structures in a way that observer does not understand"
    )]
    SelfCheck {
        /// What differs.
        field: &'static str,
        /// What it is.
        expected: String,
        /// What was read.
        found: String,
    },
}

impl KernelError {
    pub(super) fn refused(step: &'static str, error: impl std::error::Error + 'static) -> Self {
        Self::Refused {
            step,
            reason: reason(&error),
        }
    }

    pub(super) fn own_socket_is_missing() -> Self {
        Self::SelfCheck {
            field: "a descriptor",
            expected: "among those walked".into(),
            found: "nothing".into(),
        }
    }

    pub(super) fn calibrate(error: io::Error) -> Self {
        Self::Refused {
            step: "making a TCP socket to calibrate by",
            reason: error.to_string(),
        }
    }
}

/// The cause at the bottom, with what to do where that is known. The verifier's log is long and
/// goes to the trace output only.
pub(super) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    tracing::debug!("{error}");
    let chain = || std::iter::successors(Some(error), |cause| cause.source());
    let is_load = chain().any(|cause| {
        let program = cause.downcast_ref::<ProgramError>();
        matches!(program, Some(ProgramError::LoadError { .. }))
    });
    let io = chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    let Some(io) = io else {
        let text = chain().last().map(ToString::to_string).unwrap_or_default();
        return text.lines().next().unwrap_or_default().to_owned();
    };
    match io.raw_os_error() {
        Some(libc::EACCES) if is_load => {
            format!("{io}: the kernel's verifier refuses it; -vv shows why")
        }
        Some(libc::EACCES) => {
            format!("{io}: this user may not read tracefs or open the event; root may")
        }
        Some(libc::EPERM) if may_load() => format!("{io}; the host's policy forbids it"),
        Some(libc::EPERM) => format!("{io}; it needs root, or CAP_BPF and CAP_PERFMON"),
        _ => io.to_string(),
    }
}

/// Whether this process holds what loading programs takes.
fn may_load() -> bool {
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON;
    rustix::thread::capabilities(None).is_ok_and(|held| {
        held.effective.contains(needed) || held.effective.contains(CapabilitySet::SYS_ADMIN)
    })
}

/// The map of what hooks remember.
pub(super) type NotesMap = HashMap<MapData, u64, Note>;

/// The programs of the scan, loaded, and what was found out for them.
pub struct Programs {
    walks: WalkPrograms,
    mode: Array<MapData, ScanMode>,
    candidates: HashMap<MapData, u64, u8>,
    notes_slot: ArrayOfMaps<MapData, NotesMap>,
    /// Places of fields in this kernel.
    pub facts: Facts,
    /// BTF of the iterators' functions.
    pub(super) functions: Vec<u8>,
}

impl std::fmt::Debug for Programs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Programs").finish_non_exhaustive()
    }
}

const FILES: &str = "task_file";
const TABLES: &str = "tcp";

/// The kernel's types, and where in them the fields are that the programs read.
pub(super) fn read_kernel_btf() -> Result<(Btf, Facts), KernelError> {
    let data = std::fs::read(BTF_PATH).map_err(|error| KernelError::NoBtf {
        path: BTF_PATH.into(),
        error,
    })?;
    let btf = Btf::parse(data).map_err(KernelError::Btf)?;
    let facts = layout::resolve(&btf)?;
    Ok((btf, facts))
}

/// What BTF gave for the walks: the layout, and a small BTF for aya.
fn read_btf() -> Result<(Facts, Vec<u8>), KernelError> {
    let (btf, facts) = read_kernel_btf()?;
    let found = btf.find(&[
        (Kind::Func, "bpf_iter_task_file"),
        (Kind::Func, "bpf_iter_tcp"),
    ]);
    let [Some(files), Some(tables)] = found[..] else {
        let missing = if found.first() == Some(&None) {
            FILES
        } else {
            TABLES
        };
        return Err(KernelError::NoIterator(missing));
    };
    let functions = btf.only(&[files, tables]);
    Ok((facts, functions))
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
        facts: &Facts,
        files: &'static str,
        tables: &'static str,
    ) -> Result<Self, KernelError> {
        let ebpf = new_loader()
            .btf(None)
            .override_global("LAYOUT", &facts.layout, true)
            .override_global("KEEPOPEN_BIT", &facts.keepopen_bit, true)
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

    /// A walk of every file descriptor, ready to read.
    pub(super) fn walk_files(&mut self) -> Result<File, KernelError> {
        open_walk(self.link(self.files)?)
    }

    /// A walk of the TCP tables, to be opened by [`open_walk`] in the namespace that it is for.
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

impl Programs {
    /// Loads the programs; nothing runs yet. Adds to the phases `btf` and `load`.
    ///
    /// # Errors
    /// No BTF, damaged BTF, a kernel without the fields or iterators needed; or the kernel refuses
    /// the programs: permission, or a helper that it does not have.
    pub(super) fn load(timing: &mut Scan) -> Result<Self, KernelError> {
        let (facts, functions) = timing.timed("btf", |_| read_btf())?;
        timing.timed("load", |_| {
            let mut programs = Self::create(facts, functions)?;
            programs.load_files()?;
            Ok(programs)
        })
    }

    /// Makes the maps, and gives the verifier nothing yet.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub(super) fn unloaded() -> Result<Self, KernelError> {
        let (facts, functions) = read_btf()?;
        Self::create(facts, functions)
    }

    /// Gives the walk of descriptors to the verifier.
    pub(super) fn load_files(&mut self) -> Result<(), KernelError> {
        self.walks.load_files(&self.functions)
    }

    fn create(facts: Facts, functions: Vec<u8>) -> Result<Self, KernelError> {
        let mut walks = WalkPrograms::create(OBJECT, &facts, "scan_files", "scan_tables")?;
        let opening = |error| KernelError::refused("opening the eBPF maps", error);
        let ebpf = &mut walks.ebpf;
        let mode = Array::try_from(take_map(ebpf, "SCAN_MODE")?).map_err(opening)?;
        let candidates = HashMap::try_from(take_map(ebpf, "CANDIDATES")?).map_err(opening)?;
        let notes_slot = ArrayOfMaps::try_from(take_map(ebpf, "NOTES_SLOT")?).map_err(opening)?;
        Ok(Self {
            walks,
            mode,
            candidates,
            notes_slot,
            facts,
            functions,
        })
    }

    /// Lets the walks read what hooks remember.
    pub(super) fn share_notes(&mut self, notes: &NotesMap) -> Result<(), KernelError> {
        self.notes_slot
            .set(0, notes, 0)
            .map_err(|error| KernelError::refused("sharing the hooks' notes", error))
    }

    /// Says what the next walks write.
    pub(super) fn set_mode(&mut self, mode: ScanMode) -> Result<(), KernelError> {
        self.mode
            .set(0, mode, 0)
            .map_err(|error| KernelError::refused("setting the scan's mode", error))
    }

    /// Replaces the candidates of the next walks; takes at most [`Self::MAX_CANDIDATES`].
    pub(super) fn set_candidates(
        &mut self,
        keys: impl Iterator<Item = u64>,
    ) -> Result<(), KernelError> {
        let refused = |error: MapError| KernelError::refused("listing candidates", error);
        let old: Vec<u64> = self.candidates.keys().filter_map(Result::ok).collect();
        for key in old {
            self.candidates.remove(&key).map_err(refused)?;
        }
        for key in keys {
            self.candidates.insert(key, 1, 0).map_err(refused)?;
        }
        Ok(())
    }

    /// Capacity of the map of candidates.
    pub(super) const MAX_CANDIDATES: usize = 65536;

    /// A walk of every file descriptor, ready to read.
    pub(super) fn walk_files(&mut self) -> Result<File, KernelError> {
        self.walks.walk_files()
    }

    /// A walk of the TCP tables, to be opened by [`open_walk`] in the namespace that it is for.
    /// Many scans need none, and the verifier takes longest over it: it gets it when first asked.
    pub(super) fn link_tables(&mut self) -> Result<IterLink, KernelError> {
        self.load_tables()?;
        self.walks.link_tables()
    }

    /// Gives the walk of the TCP tables to the verifier, unless it has it.
    pub(super) fn load_tables(&mut self) -> Result<(), KernelError> {
        self.walks.load_tables(&self.functions)
    }
}

/// Opens the walk in the network namespace of the current thread.
pub(super) fn open_walk(link: IterLink) -> Result<File, KernelError> {
    link.into_file()
        .map_err(|error| KernelError::refused("opening the scan", error))
}

/// A map of the object, by name.
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
