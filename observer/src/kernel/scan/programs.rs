//! The scan's programs and maps.

use std::fs::File;

use aya::maps::of_maps::ArrayOfMaps;
use aya::maps::{Array, HashMap, MapData, MapError};
use aya::programs::iter::IterLink;
use observer_common::ScanMode;

use crate::kernel::KernelError;
use crate::kernel::load::{TrackedMap, WalkPrograms, WalkTypes, take_map};
use crate::model::scan::Scan;

static OBJECT: &[u8] = aya::include_bytes_aligned!("../scan.bpf.o");

/// The scan's programs with their maps.
pub(in crate::kernel) struct ScanPrograms {
    walks: WalkPrograms,
    mode: Array<MapData, ScanMode>,
    candidates: HashMap<MapData, u64, u8>,
    tracked_slot: ArrayOfMaps<MapData, TrackedMap>,
    pub(in crate::kernel) types: WalkTypes,
}

impl std::fmt::Debug for ScanPrograms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScanPrograms").finish_non_exhaustive()
    }
}

impl ScanPrograms {
    /// Loads the programs; nothing runs yet. Adds to the phases `btf` and `load`.
    pub(in crate::kernel) fn load(timing: &mut Scan) -> Result<Self, KernelError> {
        let types = timing.timed("btf", |_| WalkTypes::read())?;
        timing.timed("load", |_| {
            let mut programs = Self::create(types)?;
            programs.load_files()?;
            Ok(programs)
        })
    }

    /// Makes the maps, and gives the verifier nothing yet.
    pub(in crate::kernel) fn unloaded() -> Result<Self, KernelError> {
        let types = WalkTypes::read()?;
        Self::create(types)
    }

    /// Gives the walk of descriptors to the verifier.
    pub(in crate::kernel) fn load_files(&mut self) -> Result<(), KernelError> {
        self.walks.load_files(&self.types.functions)
    }

    fn create(types: WalkTypes) -> Result<Self, KernelError> {
        let mut walks = WalkPrograms::create(OBJECT, &types.layout, "scan_files", "scan_tables")?;
        let opening = |error| KernelError::refused("opening the eBPF maps", error);
        let ebpf = &mut walks.ebpf;
        let mode = Array::try_from(take_map(ebpf, "SCAN_MODE")?).map_err(opening)?;
        let candidates = HashMap::try_from(take_map(ebpf, "CANDIDATES")?).map_err(opening)?;
        let tracked_slot =
            ArrayOfMaps::try_from(take_map(ebpf, "TRACKED_SLOT")?).map_err(opening)?;
        Ok(Self {
            walks,
            mode,
            candidates,
            tracked_slot,
            types,
        })
    }

    /// Lets the walks read what hooks remember.
    pub(in crate::kernel) fn share_tracked(
        &mut self,
        tracked: &TrackedMap,
    ) -> Result<(), KernelError> {
        self.tracked_slot
            .set(0, tracked, 0)
            .map_err(|error| KernelError::refused("sharing the tracked sockets", error))
    }

    /// Sets what the next walks write.
    pub(in crate::kernel) fn set_mode(&mut self, mode: ScanMode) -> Result<(), KernelError> {
        self.mode
            .set(0, mode, 0)
            .map_err(|error| KernelError::refused("setting the scan's mode", error))
    }

    /// Replaces the candidates of the next walks; takes at most [`Self::MAX_CANDIDATES`].
    pub(in crate::kernel) fn set_candidates(
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
    pub(in crate::kernel) const MAX_CANDIDATES: usize = 65536;

    /// Walk of every file descriptor, ready to read.
    pub(in crate::kernel) fn walk_files(&mut self) -> Result<File, KernelError> {
        self.walks.walk_files()
    }

    /// Walk of the TCP tables, to be opened by [`open_walk`](crate::kernel::load::open_walk) in the
    /// namespace that it is for. Many scans need none, and the verifier takes longest over it, so it
    /// is loaded when first asked for.
    pub(in crate::kernel) fn link_tables(&mut self) -> Result<IterLink, KernelError> {
        self.load_tables()?;
        self.walks.link_tables()
    }

    /// Gives the walk of the TCP tables to the verifier, unless it has it.
    pub(in crate::kernel) fn load_tables(&mut self) -> Result<(), KernelError> {
        self.walks.load_tables(&self.types.functions)
    }
}
