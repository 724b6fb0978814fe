//! Records that the kernel's iterators write: sockets, their owners and what hooks remember of them.

use observer_common::SocketRecord;

use super::input::Input;
use super::shown;
use crate::kernel::decode::Units;
use crate::kernel::records::{Record, split};
use crate::kernel::socket_set::SocketSet;
use crate::model::StateSet;

/// Reads a walk that comes in two pieces, the first bytes choose where it is cut and
/// which of its sockets is printed.
pub fn check(input: &[u8]) {
    let mut rest = Input(input);
    let units = Units {
        hides_processes: false,
        hz: rest.one_of([1, 100, 250, 300, 1000, 1024, 10_000]),
        ordinary_allocation: rest.one_of([0, 0xcc0]),
        knows_kernel_sockets: rest.byte() & 1 == 1,
    };
    let states = rest.one_of([StateSet::ALL, StateSet::CONNECTED, StateSet(u32::MAX)]);
    let cut = usize::from(rest.byte());
    let shown = usize::from(rest.byte());
    let walk = rest.0;
    let mut whole = SocketSet::new(units, states, 0);
    let used = split(walk, |record| whole.add(&record));
    let sockets = whole.sockets.len();
    assert!(sockets * size_of::<SocketRecord>() <= walk.len());
    assert_eq!(whole.cgroups.len(), sockets);
    if let Ok(used) = used {
        assert!(used <= walk.len());
        assert_eq!(in_pieces(walk, cut), in_pieces(walk, walk.len()));
    }
    for socket in &whole.sockets {
        assert!(states.contains(socket.state));
    }
    // Printing takes far longer than reading.
    if let Some(socket) = whole.sockets.get(shown) {
        shown::socket(socket);
    }
    let counted: u64 = whole.in_use.values().map(|in_use| in_use.all).sum();
    assert!(counted <= (walk.len() / size_of::<SocketRecord>()) as u64);
}

/// Result that [`read_all`](crate::kernel::records::read_all) comes to: what was not used of a piece stands
/// before the next.
fn in_pieces(walk: &[u8], cut: usize) -> (usize, usize) {
    let (first, second) = walk.split_at(cut.min(walk.len()));
    let mut records = 0;
    let mut each = |record| {
        records += usize::from(!matches!(record, Record::Tracked(_))) + 1;
    };
    let used = split(first, &mut each).unwrap_or(0);
    let mut held = first.get(used..).unwrap_or_default().to_vec();
    held.extend_from_slice(second);
    let later = split(&held, &mut each).unwrap_or(0);
    (used + later, records)
}
