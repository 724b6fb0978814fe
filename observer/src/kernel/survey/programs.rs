//! The survey's programs and maps.

use std::io;

use aya::Pod;
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, HashMap, MapData, MapError};
use observer_common::survey::{
    LocalAddress, MAX_ADDRESSES, NetnsCount, PrefixLimits, SurveySettings, Tally, WorkloadCount,
    WorkloadKey,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::limits::{Limits, mapped};
use crate::host::LocalAddresses;
use crate::host::sockstat::InUse;
use crate::kernel::layout::Facts;
use crate::kernel::load::{KernelError, WalkPrograms, take_map};
use crate::policy::Policy;

static OBJECT: &[u8] = aya::include_bytes_aligned!("../survey.bpf.o");

/// The programs, loaded, with their maps.
pub(in crate::kernel) struct SurveyPrograms {
    pub(super) walks: WalkPrograms,
    settings: Array<MapData, SurveySettings>,
    tally: Array<MapData, Tally>,
    workloads: HashMap<MapData, WorkloadKey, WorkloadCount>,
    namespaces: HashMap<MapData, u32, NetnsCount>,
    prefixes: LpmTrie<MapData, [u64; 2], PrefixLimits>,
    local: HashMap<MapData, LocalAddress, u8>,
    /// What the limits are for; `None` before there are any.
    goes_by: Option<(Policy, u32)>,
    /// What `prefixes` holds.
    limits: Limits,
    /// What `local` holds.
    addresses: FxHashSet<LocalAddress>,
    /// What the next walk is told.
    pub(super) next: SurveySettings,
}

impl std::fmt::Debug for SurveyPrograms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SurveyPrograms").finish_non_exhaustive()
    }
}

fn refused(error: MapError) -> KernelError {
    KernelError::refused("writing the survey's maps", error)
}

impl SurveyPrograms {
    pub(super) fn load(facts: &Facts, functions: &[u8]) -> Result<Self, KernelError> {
        let mut walks = WalkPrograms::create(OBJECT, facts, "survey_files", "survey_tables")?;
        walks.load_files(functions)?;
        walks.load_tables(functions)?;
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
            goes_by: None,
            limits: Limits::default(),
            addresses: FxHashSet::default(),
            next: SurveySettings::default(),
        })
    }

    /// Whether the limits in force are those of this policy.
    pub(super) fn goes_by(&self, policy: &Policy, hz: u32) -> bool {
        let goes_by = self.goes_by.as_ref();
        goes_by.is_some_and(|(known, known_hz)| known == policy && *known_hz == hz)
    }

    /// Replaces the path limits by those of a policy.
    pub(super) fn set_limits(
        &mut self,
        policy: &Policy,
        hz: u32,
        limits: Limits,
    ) -> Result<(), KernelError> {
        // Until all is written, nothing is known of what the map holds.
        self.goes_by = None;
        for (len, base, _) in &self.limits.prefixes {
            match self.prefixes.remove(&key(*len, *base)) {
                Err(error) if !is_gone(&error) => return Err(refused(error)),
                _ => {}
            }
        }
        for (len, base, value) in &limits.prefixes {
            self.prefixes
                .insert(&key(*len, *base), value, 0)
                .map_err(refused)?;
        }
        self.next.hz = hz;
        self.next.default = limits.default;
        self.next.has_prefixes = u32::from(!limits.prefixes.is_empty());
        self.limits = limits;
        self.goes_by = Some((policy.clone(), hz));
        Ok(())
    }

    /// The least silence from which some socket would have to be read, in jiffies.
    pub(super) fn least_near(&self) -> Option<u32> {
        self.limits.least_near()
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

    /// Makes ready for a walk that counts anew.
    pub(super) fn begin(&mut self) -> Result<(), KernelError> {
        self.next.pass += 1;
        empty(&mut self.workloads)?;
        empty(&mut self.namespaces)?;
        let tally = Tally {
            soonest: u32::MAX,
            ..Tally::default()
        };
        self.tally.set(0, tally, 0).map_err(refused)?;
        self.settings.set(0, self.next, 0).map_err(refused)
    }

    pub(super) fn tally(&self) -> Result<Tally, KernelError> {
        self.tally.get(&0, 0).map_err(refused)
    }

    /// What was counted of each namespace; where the walk stopped counts too.
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

    /// What was counted of each workload; where the walk stopped counts too.
    pub(super) fn workloads(
        &self,
        tally: &Tally,
    ) -> Result<Vec<(WorkloadKey, WorkloadCount)>, KernelError> {
        let mut all = collect(&self.workloads)?;
        replace(&mut all, tally.workload, tally.workload_count);
        Ok(all)
    }
}

/// The count that was carried along began with what was put away.
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

/// An address as it lies in the kernel's memory.
fn words(addr: u128) -> [u64; 2] {
    let bytes = addr.to_be_bytes();
    let (high, low) = bytes.split_at(8);
    [high, low].map(|half| half.try_into().map_or(0, u64::from_ne_bytes))
}

fn key(len: u32, base: u128) -> Key<[u64; 2]> {
    Key::new(len, words(base))
}
