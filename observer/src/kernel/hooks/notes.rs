//! What hooks remember: a map that lives as long as the observer that made it. Another one finds
//! it among the kernel's maps, so that nothing needs to be pinned, and nothing stays.

use aya::maps::{HashMap, MapData, MapError, loaded_maps};
use observer_common::Note;
use observer_common::note::{self, HEADER_KEY};
use rustc_hash::FxHashMap;

use super::{Way, past, way_from_header};
use crate::host::clock::monotonic_ns;
use crate::kernel::decode::address;
use crate::kernel::load::{KernelError, NotesMap};
use crate::model::{Family, Socket};

/// The notes of one running observer.
#[derive(Debug)]
pub struct Notes {
    map: NotesMap,
    /// What the header says, where it has been written.
    header: Option<Note>,
}

/// `bpf_map_info.name`.
const NAME: &[u8] = b"OBSERVER_NOTES";

impl Notes {
    /// Those of our own hooks, without a header yet.
    pub(super) fn own(map: NotesMap) -> Self {
        Self { map, header: None }
    }

    /// Those of another observer that runs on this host: the one that has remembered longest.
    /// `None` where none runs, or where the kernel does not let us look (it needs CAP_SYS_ADMIN).
    #[must_use]
    pub fn of_running_observer() -> Option<Self> {
        let looked = Self::look_for_running_observer();
        looked
            .inspect_err(|error| tracing::debug!("{error}"))
            .ok()
            .flatten()
    }

    /// The same, which tells not being allowed to look from finding none.
    ///
    /// # Errors
    /// The kernel does not list its maps, and none was found before it refused.
    pub fn look_for_running_observer() -> Result<Option<Self>, KernelError> {
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
                && usize::try_from(info.value_size()).ok() == Some(size_of::<Note>());
            fits.then_some(info.id())
        });
        let notes = maps.filter_map(|id| Self::open(id).ok().flatten());
        let longest = notes.min_by_key(|notes| notes.header.map(|header| header.born_ns));
        match (longest, refused) {
            (None, Some(error)) => Err(KernelError::refused(
                "looking for a running observer",
                error,
            )),
            (longest, _) => Ok(longest),
        }
    }

    fn open(id: u32) -> Result<Option<Self>, MapError> {
        let data = MapData::from_id(id)?;
        let map: NotesMap = HashMap::try_from(aya::maps::Map::HashMap(data))?;
        let header = map.get(&HEADER_KEY, 0)?;
        Ok((header.cookie == Note::VERSION).then_some(Self {
            map,
            header: Some(header),
        }))
    }

    /// Lets others find these notes.
    pub(super) fn write_header(&mut self, way: Way, hz: u32) -> Result<(), KernelError> {
        let via = match way {
            Way::Trampoline => note::Way::Trampoline,
            Way::Tracepoint => note::Way::Tracepoint,
        };
        let header = Note {
            cookie: Note::VERSION,
            born_ns: monotonic_ns(),
            opener_pid: std::process::id(),
            via: via as u8,
            value: hz,
            ..Note::default()
        };
        self.map
            .insert(HEADER_KEY, header, 0)
            .map_err(|error| KernelError::refused("writing the notes' header", error))?;
        self.header = Some(header);
        Ok(())
    }

    /// Hides these notes from others. The kernel keeps a map for a while after its programs are
    /// gone, and nothing is written there then.
    pub(super) fn remove_header(&mut self) {
        if let Err(error) = self.map.remove(&HEADER_KEY) {
            tracing::debug!("removing the notes' header: {error}");
        }
        self.header = None;
    }

    /// How the hooks that write these notes are attached.
    #[must_use]
    pub fn way(&self) -> Option<Way> {
        self.header.map(|header| way_from_header(header.via))
    }

    pub(in crate::kernel) fn map(&self) -> &NotesMap {
        &self.map
    }

    /// Every note, but for the header. One that is removed meanwhile may be missing.
    pub fn iter(&self) -> impl Iterator<Item = Note> {
        let entries = self.map.iter().filter_map(Result::ok);
        entries
            .filter(|(key, _)| *key != HEADER_KEY)
            .map(|(_, note)| note)
    }

    /// Adds what is remembered to sockets that were found without the kernel's iterators: by
    /// cookie; for a note that has none (before 5.12 hooks cannot make one), by namespace and
    /// addresses.
    pub fn join(&self, sockets: &mut [Socket]) {
        let mut by_cookie: FxHashMap<u64, Note> = FxHashMap::default();
        let mut by_place: FxHashMap<Place, Note> = FxHashMap::default();
        for note in self.iter() {
            if note.cookie != 0 {
                by_cookie.insert(note.cookie, note);
            } else if let Some(place) = Place::of_note(&note) {
                by_place.insert(place, note);
            }
        }
        let now_ns = monotonic_ns();
        let hz = self.header.map_or(0, |header| header.value);
        for socket in sockets {
            let note = socket
                .cookie
                .and_then(|cookie| by_cookie.get(&cookie))
                .or_else(|| by_place.get(&Place::of_socket(socket)?));
            if let Some(note) = note {
                past::add(socket, note, now_ns, hz);
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

/// What tells a connection from every other that lives.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Place {
    netns: u32,
    local: std::net::SocketAddr,
    remote: std::net::SocketAddr,
}

impl Place {
    fn of_note(note: &Note) -> Option<Self> {
        let family = match note.family {
            2 => Family::Ipv4,
            10 => Family::Ipv6,
            _ => return None,
        };
        let port = u16::from_be(note.remote_port_be);
        Some(Self {
            netns: note.netns,
            local: (address(family, note.local), note.local_port).into(),
            remote: (address(family, note.remote), port).into(),
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
