//! Full scans, shared by those who ask for one within a second.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::command::Reply;
use super::settings::SweepSettings;
use crate::exporter::FullScan;
use crate::model::StateSet;
use crate::model::scan::ScanRequest;
use crate::policy::HostSnapshot;
use crate::source::Source;

/// Time from its beginning in which a full scan is shared with those who ask.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// Last full scan, for as long as somebody holds it, and when it began.
#[derive(Debug, Default)]
pub(super) struct SharedFullScan(Option<(Instant, Weak<FullScan>)>);

impl SharedFullScan {
    /// Replies to everybody who waits, with one scan. `last` is the last sweep's beginning and result.
    pub(super) fn reply(
        &mut self,
        replies: Vec<Reply>,
        source: &mut Source,
        settings: &SweepSettings,
        last: Option<&(Instant, Arc<HostSnapshot>)>,
    ) {
        let result = match self.shared() {
            Some(scan) => Ok(scan),
            None => self.scan(source, settings, last),
        };
        for reply in replies {
            // Whoever asked may be gone.
            drop(reply.send(result.clone()));
        }
    }

    fn shared(&self) -> Option<Arc<FullScan>> {
        let (began, scan) = self.0.as_ref()?;
        let is_fresh = began.elapsed() < SHARED_FOR;
        is_fresh.then(|| scan.upgrade()).flatten()
    }

    fn scan(
        &mut self,
        source: &mut Source,
        settings: &SweepSettings,
        last: Option<&(Instant, Arc<HostSnapshot>)>,
    ) -> Result<Arc<FullScan>, String> {
        let (began, taken_at) = (Instant::now(), jiff::Timestamp::now());
        let states = StateSet::ALL;
        let scan = source
            .scan(&ScanRequest { states })
            .map_err(|error| error.to_string())?;
        let mut sockets = scan.sockets;
        // Only a comparison of several sweeps gives these.
        let known = last.iter().flat_map(|(taken, snapshot)| {
            let age_ms = began.saturating_duration_since(*taken).as_millis();
            let age_ms = u64::try_from(age_ms).unwrap_or_default();
            let flagged = snapshot.flagged.iter();
            let sockets = flagged.map(|flagged| &flagged.judged.socket);
            sockets.filter_map(move |socket| {
                let segment_ms = socket.idle.segment_ms? + age_ms;
                Some((socket.cookie?, (segment_ms, socket.idle.peer_keeps_alive)))
            })
        });
        let known: FxHashMap<u64, (u64, bool)> = known.collect();
        for socket in &mut sockets {
            let of_socket = socket.cookie.and_then(|cookie| known.get(&cookie));
            if let Some((segment_ms, peer_keeps_alive)) = of_socket {
                socket.idle.segment_ms = Some(*segment_ms);
                socket.idle.peer_keeps_alive = *peer_keeps_alive;
            }
        }
        let scan = Arc::new(FullScan {
            taken_at,
            took: began.elapsed(),
            sockets,
            policy: Arc::clone(&settings.policy),
            unknown: scan.unknown,
        });
        self.0 = Some((began, Arc::downgrade(&scan)));
        Ok(scan)
    }
}
