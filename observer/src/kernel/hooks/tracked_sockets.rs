//! Tracked sockets, in a map that lives as long as the observer that made it. Another one finds
//! it among the kernel's maps, so that nothing needs to be pinned, and nothing stays.

use aya::maps::{HashMap, MapData, MapError, loaded_maps};
use observer_common::tracked_socket::{HEADER_KEY, sees};
use observer_common::{AttachMode, TrackedSocket};
use rustc_hash::FxHashMap;

use super::past;
use crate::host::clock::monotonic_ns;
use crate::kernel::decode::address;
use crate::kernel::error::KernelError;
use crate::kernel::load::TrackedMap;
use crate::model::{Family, Socket};

/// Sockets that one running observer tracks.
#[derive(Debug)]
pub struct TrackedSockets {
    map: TrackedMap,
    /// Header of the map, where it has been written.
    header: Option<TrackedSocket>,
}

/// `bpf_map_info.name`.
const NAME: &[u8] = b"OBSERVER_NOTES";

impl TrackedSockets {
    /// Those of our own hooks, without a header yet.
    pub(super) fn own(map: TrackedMap) -> Self {
        Self { map, header: None }
    }

    /// Those of every other observer that runs on this host: first the one whose hooks see most, and of
    /// those the one that has remembered longest. Empty where none runs, or where the kernel does not let
    /// us look (it needs CAP_SYS_ADMIN).
    #[must_use]
    pub fn of_running_observers() -> Vec<Self> {
        let looked = Self::look_for_running_observers();
        looked
            .inspect_err(|error| tracing::debug!("{error}"))
            .unwrap_or_default()
    }

    /// The same, which tells not being allowed to look from finding none.
    ///
    /// # Errors
    /// The kernel does not list its maps, and none was found before it refused.
    pub fn look_for_running_observers() -> Result<Vec<Self>, KernelError> {
        let mut refused = None;
        let maps = loaded_maps().filter_map(|info| {
            let info = match info {
                Ok(info) => info,
                Err(error) => {
                    // A map that vanished meanwhile is no refusal.
                    if is_denied(&error) {
                        refused = Some(error);
                    }
                    return None;
                }
            };
            let fits = info.name() == NAME
                && usize::try_from(info.value_size()).ok() == Some(size_of::<TrackedSocket>());
            fits.then_some(info.id())
        });
        let mut found: Vec<Self> = maps
            .filter_map(|id| Self::open(id).ok().flatten())
            .collect();
        found.sort_by_key(|tracked| {
            let sees = [tracked.sees_options(), tracked.sees_probes()];
            let since_ns = tracked.header.map(|header| header.born_ns);
            (std::cmp::Reverse(sees), since_ns)
        });
        match refused {
            Some(error) if found.is_empty() => Err(KernelError::refused(
                "looking for a running observer",
                error,
            )),
            _ => Ok(found),
        }
    }

    /// True where options that are set since then are remembered.
    #[must_use]
    pub fn sees_options(&self) -> bool {
        self.sees(sees::OPTIONS)
    }

    /// True where probes that are sent since then are counted.
    #[must_use]
    pub fn sees_probes(&self) -> bool {
        self.sees(sees::PROBES)
    }

    fn sees(&self, bit: u8) -> bool {
        self.header.is_some_and(|header| header.flags & bit != 0)
    }

    fn open(id: u32) -> Result<Option<Self>, MapError> {
        let data = MapData::from_id(id)?;
        let map: TrackedMap = HashMap::try_from(aya::maps::Map::HashMap(data))?;
        let header = map.get(&HEADER_KEY, 0)?;
        Ok((header.cookie == TrackedSocket::VERSION).then_some(Self {
            map,
            header: Some(header),
        }))
    }

    /// Lets others find these sockets.
    pub(super) fn write_header(
        &mut self,
        mode: AttachMode,
        sees: u8,
        hz: u32,
    ) -> Result<(), KernelError> {
        let header = TrackedSocket {
            cookie: TrackedSocket::VERSION,
            born_ns: monotonic_ns(),
            opener_pid: std::process::id(),
            via: mode as u8,
            flags: sees,
            value: hz,
            ..TrackedSocket::default()
        };
        self.map.insert(HEADER_KEY, header, 0).map_err(|error| {
            KernelError::refused("writing the header of the tracked sockets", error)
        })?;
        self.header = Some(header);
        Ok(())
    }

    /// Hides these sockets from others. The kernel keeps a map for a while after its programs are
    /// gone, and nothing is written there then.
    pub(super) fn remove_header(&mut self) {
        if let Err(error) = self.map.remove(&HEADER_KEY) {
            tracing::debug!("removing the header of the tracked sockets: {error}");
        }
        self.header = None;
    }

    /// Mode in which the hooks that track these sockets are attached.
    #[must_use]
    pub fn mode(&self) -> Option<AttachMode> {
        let via = self.header?.via;
        AttachMode::from_number(via)
    }

    pub(in crate::kernel) fn map(&self) -> &TrackedMap {
        &self.map
    }

    /// Every entry but the header. One that is removed meanwhile may be missing.
    pub fn iter(&self) -> impl Iterator<Item = TrackedSocket> {
        let entries = self.map.iter().filter_map(Result::ok);
        entries
            .filter(|(key, _)| *key != HEADER_KEY)
            .map(|(_, tracked)| tracked)
    }

    /// Adds what is remembered to sockets, as far as nothing else knows it: by cookie; for an entry that has none (before 5.12 hooks cannot make one), by namespace and
    /// addresses.
    pub fn join(&self, sockets: &mut [Socket]) {
        let mut by_cookie: FxHashMap<u64, TrackedSocket> = FxHashMap::default();
        let mut by_place: FxHashMap<Place, TrackedSocket> = FxHashMap::default();
        for tracked in self.iter() {
            if tracked.cookie != 0 {
                by_cookie.insert(tracked.cookie, tracked);
            } else if let Some(place) = Place::of_tracked(&tracked) {
                by_place.insert(place, tracked);
            }
        }
        let now_ns = monotonic_ns();
        let hz = self.header.map_or(0, |header| header.value);
        for socket in sockets {
            let tracked = socket
                .cookie
                .and_then(|cookie| by_cookie.get(&cookie))
                .or_else(|| by_place.get(&Place::of_socket(socket)?));
            if let Some(tracked) = tracked {
                past::add(socket, tracked, now_ns, hz, self.sees_probes());
            }
        }
    }
}

fn is_denied(error: &MapError) -> bool {
    match error {
        MapError::SyscallError(error) => error.io_error.raw_os_error() == Some(libc::EPERM),
        _ => false,
    }
}

/// Key that tells a connection from every other that lives.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Place {
    netns: u32,
    local: std::net::SocketAddr,
    remote: std::net::SocketAddr,
}

impl Place {
    fn of_tracked(tracked: &TrackedSocket) -> Option<Self> {
        let family = match tracked.family {
            2 => Family::Ipv4,
            10 => Family::Ipv6,
            _ => return None,
        };
        let port = u16::from_be(tracked.remote_port_be);
        Some(Self {
            netns: tracked.netns,
            local: (address(family, tracked.local), tracked.local_port).into(),
            remote: (address(family, tracked.remote), port).into(),
        })
    }

    fn of_socket(socket: &Socket) -> Option<Self> {
        Some(Self {
            netns: socket.netns?,
            local: socket.local,
            remote: socket.remote,
        })
    }
}
