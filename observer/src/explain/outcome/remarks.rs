//! Consequences for the process, and facts that its owner should know.

use super::{OutcomeKind, View};
use crate::model::State;
use crate::policy::Reason;
use crate::policy::forecast::is_late_by_interval;
use crate::policy::profile::Expiry;
use crate::text::quantity::time;

impl View<'_> {
    /// Consequence that the process notices once the path has forgotten the connection.
    pub(super) fn consequence(&self, then: &str) -> String {
        let colon = if then == "Then" { "" } else { ":" };
        let keepalive = &self.socket.keepalive;
        let who = match (self.socket.owners.is_empty(), self.socket.kernel_owned) {
            (true, Some(true)) => "what holds it in the kernel",
            (true, _) => "whoever holds it",
            (false, _) => "this process",
        };
        if self.socket.state == State::CloseWait {
            return format!(
                "{then}{colon} no read hangs, because the peer has sent its FIN; what this process still sends is lost."
            );
        }
        match self.judgement.path.expiry {
            Expiry::Silent => {}
            Expiry::Reset => {
                return format!(
                    "{then}{colon} the next send of {who} is answered by RST (ECONNRESET), and a read that only waits hangs."
                );
            }
            Expiry::Closed => {
                return format!(
                    "{then}{colon} the proxy closes it, and {who} reads the end of the connection or gets ECONNRESET."
                );
            }
        }
        let read_ms = self.facts.read_limit_ms().filter(|ms| *ms > 0);
        if let Some(read_ms) = read_ms {
            return format!(
                "{then}{colon} a read ends after {} by SO_RCVTIMEO, and no answer comes any more.",
                time(read_ms)
            );
        }
        // A program may poll before it reads a blocking socket, as wget does.
        let own_timer = ", unless the program has a timer of its own, which is not seen";
        if keepalive.enabled == Some(true) {
            let probe = keepalive
                .next_probe_ms
                .map_or("later".into(), |ms| format!("in {}", time(ms)));
            let end = self
                .probes_end_ms(0)
                .map_or_else(|| "after that".into(), |ms| format!("in {}", time(ms)));
            let which = if is_late_by_interval(self.socket, &self.judgement.path) {
                "next"
            } else {
                "first"
            };
            return format!(
                "{then}{colon} {who} hangs until keepalive notices: its {which} probe goes out {probe}, too late, and {who} gets ETIMEDOUT {end}{own_timer}."
            );
        }
        format!(
            "{then}{colon} {who} hangs for ever when it waits for an answer, because keepalive is off and nothing else ends a read{own_timer}."
        )
    }

    /// Further facts that its owner should know.
    pub(super) fn remarks(&self, kind: OutcomeKind) -> Vec<String> {
        // The outcome itself is about data in flight.
        let is_covered = |reason| reason == Reason::InFlight && kind == OutcomeKind::Retransmitting;
        let mut remarks: Vec<String> = self
            .judgement
            .reasons
            .iter()
            .filter(|reason| !is_covered(*reason))
            .filter_map(|reason| reason.remark(self.socket))
            .collect();
        let state = self.socket.state;
        if state == State::CloseWait {
            remarks.push("The peer has closed its end (FIN): a read returns at once, and the socket stays until this process closes it.".to_owned());
        }
        if matches!(state, State::FinWait1 | State::FinWait2) {
            remarks.push("This end is closed (FIN sent) and the peer's is not.".to_owned());
        }
        remarks
    }
}
