//! Records that the hooks write into the ring buffer.

use observer_common::EventRecord;

use super::input::Input;
use super::shown;
use crate::kernel::decode::Units;
use crate::kernel::hooks::{decode, queue::event_record};

/// Reads records one after the other; the first bytes choose the units and which one is printed.
pub fn check(input: &[u8]) {
    let mut rest = Input(input);
    let units = Units {
        hz: rest.one_of([0, 1, 100, 250, 300, 1000, 1024, 10_000]),
        ..Units::default()
    };
    // Printing takes far longer than reading.
    let shown = usize::from(rest.byte());
    for (at, bytes) in rest.0.chunks(size_of::<EventRecord>()).enumerate() {
        let record = event_record(bytes);
        assert_eq!(record.is_some(), bytes.len() == size_of::<EventRecord>());
        if let Some(event) = record.and_then(|record| decode::event(&record, units)) {
            assert!(event.socket.owners.len() <= 1);
            if at == shown {
                shown::event(&event);
            }
        }
    }
}
