//! The limit on silence on the path to a peer.

use aya_ebpf::macros::map;
use aya_ebpf::maps::lpm_trie::Key;
use aya_ebpf::maps::{HashMap, LpmTrie};
use observer_common::summary::{
    LimitJiffies, LocalAddress, MAX_ADDRESSES, MAX_PREFIXES, PathLimits, PrefixLimits,
    SummarySettings,
};

use crate::sock::AF_INET;
use crate::socket::Endpoints;

/// Limits by address; the longest prefix counts. IPv4 v4-mapped.
#[map]
static PREFIXES: LpmTrie<[u64; 2], PrefixLimits> = LpmTrie::with_max_entries(MAX_PREFIXES, 0);

/// The addresses of each network namespace.
#[map]
static LOCAL: HashMap<LocalAddress, u8> =
    HashMap::with_max_entries(MAX_ADDRESSES, aya_ebpf::bindings::BPF_F_NO_PREALLOC);

/// The first 96 bits of v4-mapped addresses, as they lie in memory: those of the second word.
const MAPPED: u64 = 0xffff_0000;

/// Limits of a path that never forgets a connection.
pub(crate) const NONE: PathLimits = PathLimits {
    open: NEVER,
    half_closed: NEVER,
    counts_payload: 0,
};

const NEVER: LimitJiffies = LimitJiffies { limit: 0, near: 0 };

/// Limits on the path to the socket's peer; [`NONE`] where that is an address of this namespace.
#[inline(always)]
pub(crate) fn of(settings: &SummarySettings, endpoints: &Endpoints) -> PathLimits {
    let mut addr = endpoints.remote;
    if u64::from(endpoints.family) == AF_INET {
        addr = [0, addr[0] << 32 | MAPPED];
    }
    let is_mapped = addr[0] == 0 && addr[1] & 0xffff_ffff == MAPPED;
    let is_loopback = if is_mapped {
        addr[1] >> 32 & 0xff == 127
    } else {
        addr[0] == 0 && addr[1] == 1_u64.to_be()
    };
    if is_loopback {
        return NONE;
    }
    let local = LocalAddress {
        addr,
        netns: endpoints.netns,
        padding: 0,
    };
    // SAFETY: the value is one byte, which is not read.
    if unsafe { LOCAL.get(local) }.is_some() {
        return NONE;
    }
    if settings.has_prefixes == 0 {
        return settings.default;
    }
    let Some(limits) = PREFIXES.get(Key::new(128, addr)) else {
        return settings.default;
    };
    let port = u16::from_be(endpoints.remote_port_be);
    for (of, limit) in limits.ports.iter().zip(&limits.by_port) {
        if *of == port && port != 0 {
            return *limit;
        }
    }
    limits.otherwise
}
