//! The summary's programs and maps.

use std::io;

use aya::Pod;
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, HashMap, MapData, MapError};
use observer_common::summary::{
    LocalAddress, MAX_ADDRESSES, NetnsCount, PrefixLimits, SummarySettings, Tally, WorkloadCount,
    WorkloadKey,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::limits::{LimitTable, mapped};
use crate::host::LocalAddresses;
use crate::host::sockstat::InUse;
use crate::kernel::error::KernelError;
use crate::kernel::load::{WalkPrograms, WalkTypes, take_map};

static OBJECT: &[u8] = aya::include_bytes_aligned!("../summary.bpf.o");

/// The programs, loaded, with their maps.
pub(in crate::kernel) struct SummaryPrograms {
    pub(super) walks: WalkPrograms,
    settings: Array<MapData, SummarySettings>,
    tally: Array<MapData, Tally>,
    workloads: HashMap<MapData, WorkloadKey, WorkloadCount>,
    namespaces: HashMap<MapData, u32, NetnsCount>,
    prefixes: LpmTrie<MapData, [u64; 2], PrefixLimits>,
    local: HashMap<MapData, LocalAddress, u8>,
    /// Contents of `prefixes`.
    limits: LimitTable,
    /// `false` while a write of `limits` has not ended well.
    limits_written: bool,
    /// Contents of `local`.
    addresses: FxHashSet<LocalAddress>,
    /// Settings of the next walk.
    pub(super) next: SummarySettings,
}

impl std::fmt::Debug for SummaryPrograms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SummaryPrograms").finish_non_exhaustive()
    }
}

fn refused(error: MapError) -> KernelError {
    KernelError::refused("writing the summary's maps", error)
}

impl SummaryPrograms {
    /// Loads both walks.
    pub(in crate::kernel) fn load(types: &WalkTypes) -> Result<Self, KernelError> {
        let layout = &types.layout;
        let mut walks =
            WalkPrograms::create(OBJECT, layout, "summarize_files", "summarize_tables")?;
        walks.load_files(&types.functions)?;
        walks.load_tables(&types.functions)?;
        let opening = |error| KernelError::refused("opening the eBPF maps", error);
        let ebpf = &mut walks.ebpf;
        Ok(Self {
            settings: Array::try_from(take_map(ebpf, "SETTINGS")?).map_err(opening)?,
            tally: Array::try_from(take_map(ebpf, "TALLY")?).map_err(opening)?,
            workloads: HashMap::try_from(take_map(ebpf, "WORKLOADS")?).map_err(opening)?,
            namespaces: HashMap::try_from(take_map(ebpf, "NAMESPACES")?).map_err(opening)?,
            prefixes: LpmTrie::try_from(take_map(ebpf, "PREFIXES")?).map_err(opening)?,
            local: HashMap::try_from(take_map(ebpf, "LOCAL")?).map_err(opening)?,
            walks,
            limits: LimitTable::default(),
            limits_written: true,
            addresses: FxHashSet::default(),
            next: SummarySettings::default(),
        })
    }

    /// Replaces the path limits, unless they are the ones in force.
    pub(super) fn set_limits(&mut self, limits: &LimitTable) -> Result<(), KernelError> {
        if self.limits_written && self.limits == *limits {
            return Ok(());
        }
        for (len, base, _) in &self.limits.prefixes {
            match self.prefixes.remove(&key(*len, *base)) {
                Err(error) if !is_gone(&error) => return Err(refused(error)),
                _ => {}
            }
        }
        // Whatever a failing write leaves behind, the next one removes.
        self.limits_written = false;
        self.limits = limits.clone();
        for (len, base, value) in &limits.prefixes {
            self.prefixes
                .insert(&key(*len, *base), value, 0)
                .map_err(refused)?;
        }
        self.next.default = limits.default;
        self.next.has_prefixes = u32::from(!limits.prefixes.is_empty());
        self.limits_written = true;
        Ok(())
    }

    /// Replaces the addresses of this host; `false` where there are too many.
    pub(super) fn set_addresses(
        &mut self,
        addresses: &LocalAddresses,
    ) -> Result<bool, KernelError> {
        let now: FxHashSet<LocalAddress> = addresses
            .iter()
            .map(|(netns, addr)| LocalAddress {
                addr: words(mapped(addr)),
                netns,
                padding: 0,
            })
            .collect();
        if now.len() > MAX_ADDRESSES as usize {
            return Ok(false);
        }
        for gone in self.addresses.difference(&now) {
            match self.local.remove(gone) {
                Err(error) if !is_gone(&error) => return Err(refused(error)),
                _ => {}
            }
        }
        for new in now.difference(&self.addresses) {
            self.local.insert(new, 1, 0).map_err(refused)?;
        }
        self.addresses = now;
        Ok(true)
    }

    /// Resets every count for the next walk.
    pub(super) fn begin(&mut self) -> Result<(), KernelError> {
        self.next.pass += 1;
        empty(&mut self.workloads)?;
        empty(&mut self.namespaces)?;
        let tally = Tally {
            until_flagged: u32::MAX,
            ..Tally::default()
        };
        self.tally.set(0, tally, 0).map_err(refused)?;
        self.settings.set(0, self.next, 0).map_err(refused)
    }

    /// Counts of the last walk.
    pub(super) fn tally(&self) -> Result<Tally, KernelError> {
        self.tally.get(&0, 0).map_err(refused)
    }

    /// Sockets of each namespace, the one that the walk ended in included.
    pub(super) fn in_use(&self, tally: &Tally) -> Result<FxHashMap<u32, InUse>, KernelError> {
        let mut all = collect(&self.namespaces)?;
        replace(&mut all, tally.netns, tally.netns_count);
        let in_use = all.into_iter().map(|(netns, count)| {
            let in_use = InUse {
                all: count.all,
                listening: count.listening,
            };
            (netns, in_use)
        });
        Ok(in_use.collect())
    }

    /// Sockets of each workload, the one that the walk ended in included.
    pub(super) fn workloads(
        &self,
        tally: &Tally,
    ) -> Result<Vec<(WorkloadKey, WorkloadCount)>, KernelError> {
        let mut all = collect(&self.workloads)?;
        replace(&mut all, tally.workload, tally.workload_count);
        Ok(all)
    }
}

/// Replaces the stored count of `key` by the one that was kept in the tally, which includes it.
fn replace<K: PartialEq, V>(all: &mut Vec<(K, V)>, key: K, value: V) {
    match all.iter_mut().find(|(known, _)| *known == key) {
        Some((_, known)) => *known = value,
        None => all.push((key, value)),
    }
}

fn collect<K: Pod, V: Pod>(map: &HashMap<MapData, K, V>) -> Result<Vec<(K, V)>, KernelError> {
    map.iter().collect::<Result<_, _>>().map_err(refused)
}

fn empty<K: Pod, V: Pod>(map: &mut HashMap<MapData, K, V>) -> Result<(), KernelError> {
    let keys: Vec<K> = map.keys().collect::<Result<_, _>>().map_err(refused)?;
    for key in keys {
        map.remove(&key).map_err(refused)?;
    }
    Ok(())
}

fn is_gone(error: &MapError) -> bool {
    match error {
        MapError::KeyNotFound => true,
        MapError::SyscallError(error) => error.io_error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Address in the order of the kernel's memory.
fn words(addr: u128) -> [u64; 2] {
    let bytes = addr.to_be_bytes();
    let (high, low) = bytes.split_at(8);
    [high, low].map(|half| half.try_into().map_or(0, u64::from_ne_bytes))
}

fn key(len: u32, base: u128) -> Key<[u64; 2]> {
    Key::new(len, words(base))
}
