//! Prediction for a socket, in sentences with numbers.

mod remarks;

use super::ExplainFacts;
use super::layers::retransmission;
use crate::model::{Socket, State, Timer, TimerKind};
use crate::policy::forecast::acts_in_ms;
use crate::policy::profile::{Counts, Expiry};
use crate::policy::reason::is_window_closed;
use crate::policy::{Health, Judgement, Reason, Verdict};
use crate::text::quantity::{counted, time};

/// Kind of future that a socket has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    /// It is no connection, or one that is being closed.
    NotConnected,
    /// connect is under way.
    Connecting,
    /// Data in flight was sent again.
    Retransmitting,
    /// A keepalive probe is unanswered.
    Probing,
    /// The path has forgotten it.
    Forgotten,
    /// The path will forget it before anything is sent.
    WillBeForgotten,
    /// The keepalive timer ends it without a probe.
    WillBeEnded,
    /// Probes of the peer's closed window keep it.
    WindowClosed,
    /// Only the peer's probes keep it.
    KeptByPeer,
    /// Keepalive keeps it.
    Protected,
    /// No middlebox can forget it.
    Exempt,
    /// A value that decides is unknown.
    Unknown,
}

impl OutcomeKind {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotConnected => "not-connected",
            Self::Connecting => "connecting",
            Self::Retransmitting => "retransmitting",
            Self::Probing => "probing",
            Self::Forgotten => "forgotten",
            Self::WillBeForgotten => "will-be-forgotten",
            Self::WillBeEnded => "will-be-ended",
            Self::WindowClosed => "window-closed",
            Self::KeptByPeer => "kept-by-peer",
            Self::Protected => "protected",
            Self::Exempt => "exempt",
            Self::Unknown => "unknown",
        }
    }
}

/// Prediction for a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The kind.
    pub kind: OutcomeKind,
    /// In how many milliseconds: the kernel gives up (retransmitting, probing), the
    /// path forgets it (will-be-forgotten), the next probe leaves (protected). `None` for other
    /// kinds, and where it cannot be told.
    pub in_ms: Option<u64>,
    /// Sentences.
    pub text: String,
}

/// Predicts.
#[must_use]
pub fn outcome(socket: &Socket, judgement: &Judgement, facts: &ExplainFacts) -> Outcome {
    let view = View {
        socket,
        judgement,
        facts,
    };
    let (kind, in_ms, text) = view.future();
    let mut sentences = vec![text];
    sentences.extend(view.remarks(kind));
    Outcome {
        kind,
        in_ms,
        text: sentences.join(" "),
    }
}

struct View<'a> {
    socket: &'a Socket,
    judgement: &'a Judgement,
    facts: &'a ExplainFacts,
}

type Future = (OutcomeKind, Option<u64>, String);

impl View<'_> {
    fn future(&self) -> Future {
        let timer = self.socket.timer;
        match self.socket.state {
            State::Listen => {
                let text = "It listens: nothing waits on it. Connections that it accepts inherit its keepalive settings.";
                return (OutcomeKind::NotConnected, None, text.into());
            }
            State::SynSent => {
                let sent = timer.map_or(0, |timer| timer.retransmits);
                let text = format!(
                    "connect waits for an answer, its SYN was sent again {}. The layer connect says when the kernel gives up, counted from the first SYN.",
                    times(sent)
                );
                return (OutcomeKind::Connecting, None, text);
            }
            State::FinWait1 | State::FinWait2 if self.socket.owners.is_empty() => {
                let text = "No process holds it any more: nothing waits on it, and the kernel ends it by itself.";
                return (OutcomeKind::NotConnected, None, text.into());
            }
            state if !state.is_connected() => {
                let text = format!(
                    "It is in {}: no process waits for data on it, and the kernel ends it by itself.",
                    state.name()
                );
                return (OutcomeKind::NotConnected, None, text);
            }
            _ => {}
        }
        match (self.judgement.health, self.judgement.verdict) {
            (Some(Health::Retransmitting), _) => self.retransmitting(),
            (Some(Health::Probing), _) => self.probing(),
            (Some(Health::Ok | Health::AtRisk), _) if is_window_closed(self.socket) => {
                self.window_closed()
            }
            _ if self.judgement.reasons.contains(Reason::NoProbes) => self.will_be_ended(),
            (_, Some(Verdict::Exempt)) => self.exempt(),
            (_, Some(Verdict::Protected)) => self.protected(),
            (None, _) | (_, None) => {
                let text = "What will happen is not known: values that decide cannot be read here. Root sees them all.";
                (OutcomeKind::Unknown, None, text.into())
            }
            (Some(Health::Stale), _) => self.forgotten(),
            (Some(_), _) => self.will_be_forgotten(),
        }
    }

    fn retransmitting(&self) -> Future {
        let timer = self.socket.timer;
        let sent = timer.map_or(0, |timer| timer.retransmits);
        let next_ms = timer
            .filter(|t| t.kind == TimerKind::On)
            .map(|t| t.expires_ms);
        let in_ms = retransmission(self.socket, self.facts)
            .zip(next_ms)
            .map(|(data, next_ms)| data.left_ms(sent, next_ms));
        let end = match in_ms {
            Some(ms) => format!("The kernel gives up in about {}", time(ms)),
            None => "The kernel gives up when the write limit is over".into(),
        };
        let by = match self.socket.keepalive.user_timeout_ms {
            Some(1..) => " (TCP_USER_TIMEOUT)",
            _ => " (tcp_retries2)",
        };
        let heard = self.socket.idle.heard_ms().map_or(String::new(), |ms| {
            format!(" The peer was last heard {} ago.", time(ms))
        });
        let text = format!(
            "Data was sent again {} and is not acknowledged.{heard} Keepalive does not run meanwhile. {end}{by}, and the process gets ETIMEDOUT, unless the peer answers.",
            times(sent)
        );
        (OutcomeKind::Retransmitting, in_ms, text)
    }

    fn probing(&self) -> Future {
        if let Some(timer) = self.socket.timer.filter(|t| t.kind == TimerKind::Probe) {
            return self.probing_window(timer);
        }
        let unanswered = self.socket.keepalive.unanswered.unwrap_or(1);
        let in_ms = self.probes_end_ms(unanswered);
        let are = if unanswered == 1 { "is" } else { "are" };
        let end = in_ms.map_or_else(
            || "The kernel gives up when the probes are over".into(),
            |ms| format!("The kernel gives up in {}", time(ms)),
        );
        let text = format!(
            "{} {are} unanswered: the peer is gone, or the path has forgotten the connection. {end}, and the process gets ETIMEDOUT, unless the peer answers.",
            counted(unanswered.into(), "keepalive probe")
        );
        (OutcomeKind::Probing, in_ms, text)
    }

    /// `tcp_probe_timer`: TCP_USER_TIMEOUT where there is one, else as many probes as retransmissions.
    fn probing_window(&self, timer: Timer) -> Future {
        let in_ms = retransmission(self.socket, self.facts)
            .map(|data| data.left_ms(timer.unanswered, timer.expires_ms));
        let end = in_ms.map_or_else(
            || "The kernel gives up when the write limit is over".to_owned(),
            |ms| format!("The kernel gives up in about {}", time(ms)),
        );
        let by = match self.socket.keepalive.user_timeout_ms {
            Some(1..) => "TCP_USER_TIMEOUT",
            _ => "tcp_retries2",
        };
        let are = if timer.unanswered == 1 { "is" } else { "are" };
        let text = format!(
            "{} of the peer's closed window {are} unanswered: the peer is gone, or the path is. {end} ({by}), and the process gets ETIMEDOUT, unless the peer answers.",
            counted(timer.unanswered.into(), "probe")
        );
        (OutcomeKind::Probing, in_ms, text)
    }

    /// When the keepalive timer gives up, with so many probes unanswered and nothing heard.
    fn probes_end_ms(&self, unanswered: u32) -> Option<u64> {
        let keepalive = &self.socket.keepalive;
        let timer = self.socket.timer.filter(|t| t.kind == TimerKind::Keepalive);
        let next_ms = keepalive.next_probe_ms.or(timer.map(|t| t.expires_ms))?;
        let interval_ms = u64::from(keepalive.interval.value?) * 1000;
        let more = match u64::from(keepalive.user_timeout_ms?) {
            0 => u64::from(keepalive.probes.value?.saturating_sub(unanswered)),
            user_timeout_ms => {
                let elapsed_ms = self.socket.idle.timer_heard_ms()?.saturating_add(next_ms);
                let missing_ms = user_timeout_ms.saturating_sub(elapsed_ms);
                let least = u64::from(unanswered == 0);
                missing_ms.div_ceil(interval_ms.max(1)).max(least)
            }
        };
        Some(next_ms.saturating_add(interval_ms.saturating_mul(more)))
    }

    fn exempt(&self) -> Future {
        let why = match &*self.judgement.path.from {
            "loopback" => "the peer is on loopback",
            "local" => "the peer is an address of the same network namespace",
            _ => "the path has no limit",
        };
        let text = format!("Nothing ends it by silence: {why}.");
        (OutcomeKind::Exempt, None, text)
    }

    fn protected(&self) -> Future {
        let in_ms = self.socket.keepalive.next_probe_ms;
        let limit = self.limit_ms().map(time).unwrap_or_default();
        let text = match in_ms {
            Some(ms) => format!(
                "A probe goes out in {}, before the path forgets it ({limit} of silence).",
                time(ms)
            ),
            None => format!(
                "A probe goes out in time, before the path forgets it ({limit} of silence)."
            ),
        };
        let keepalive = &self.socket.keepalive;
        let detect = keepalive.detect_s().map(|s| {
            let detect = time(s.saturating_mul(1000));
            // Then it depends on what was heard last, an answer to a probe or something else.
            let at_most = if keepalive.interval.value > keepalive.idle.value {
                "at most "
            } else {
                ""
            };
            format!(" A peer that is gone is noticed {at_most}{detect} after it was last heard.")
        });
        (
            OutcomeKind::Protected,
            in_ms,
            text + &detect.unwrap_or_default(),
        )
    }

    fn will_be_ended(&self) -> Future {
        let timer_ms = self.socket.keepalive.timer_ms;
        let in_ms = timer_ms.and_then(|timer_ms| acts_in_ms(self.socket, timer_ms));
        let when = in_ms.map_or_else(
            || "when its keepalive timer fires".to_owned(),
            |ms| format!("in {}", time(ms)),
        );
        let text = format!(
            "The kernel ends it {when}, though the peer may be well: tcp_keepalive_probes is 0, and the keepalive timer gives up before it sends a probe. The process gets ETIMEDOUT, unless something is received before."
        );
        (OutcomeKind::WillBeEnded, in_ms, text)
    }

    /// The peer is there: it answers probes of its window, which never end while it does.
    fn window_closed(&self) -> Future {
        let end = match self.socket.keepalive.user_timeout_ms {
            Some(ms @ 1..) => format!(
                "TCP_USER_TIMEOUT ends it {} after the window closed, even though the peer answers",
                time(ms.into())
            ),
            Some(0) => "Nothing ends that while the peer answers".to_owned(),
            None => "Whether TCP_USER_TIMEOUT ends that is not known".to_owned(),
        };
        let text = format!(
            "The peer's window is closed: it does not read what it was sent. The kernel asks again and again, at most two minutes apart, and those probes and their answers are packets that keep the path. {end}."
        );
        (OutcomeKind::WindowClosed, None, text)
    }

    fn forgotten(&self) -> Future {
        let (quiet_ms, limit_ms) = self.quiet_and_limit_ms();
        let ago = time(quiet_ms.saturating_sub(limit_ms));
        let told = match self.judgement.path.expiry {
            Expiry::Silent => "Nobody was told. ",
            Expiry::Reset | Expiry::Closed => "",
        };
        let text = format!(
            "The path has already forgotten it, {ago} ago: no {} for {}, and {} is the limit ({}). {told}{}",
            self.traffic(),
            time(quiet_ms),
            time(limit_ms),
            self.judgement.path.from,
            self.consequence("What the peer sends now does not arrive")
        );
        (OutcomeKind::Forgotten, None, text)
    }

    fn will_be_forgotten(&self) -> Future {
        if self.judgement.reasons.contains(Reason::PeerKeepsAlive) {
            let text = "The peer's keepalive probes keep the path alive. If the peer stops them, nothing here does.";
            return (OutcomeKind::KeptByPeer, None, text.into());
        }
        let (quiet_ms, limit_ms) = self.quiet_and_limit_ms();
        let in_ms = limit_ms.saturating_sub(quiet_ms);
        let text = format!(
            "No {} for {}; the path forgets it in {} ({}), unless something is sent. {}",
            self.traffic(),
            time(quiet_ms),
            // Rounded up, so that both times together are the limit.
            time(in_ms.div_ceil(1000).saturating_mul(1000)),
            self.judgement.path.from,
            self.consequence("Then")
        );
        (OutcomeKind::WillBeForgotten, Some(in_ms), text)
    }

    fn limit_ms(&self) -> Option<u64> {
        self.judgement.path.limit_ms()
    }

    /// Noun for the traffic that the path counts.
    fn traffic(&self) -> &'static str {
        match self.judgement.path.counts {
            Counts::Segments => "packet",
            Counts::Payload => "payload",
        }
    }

    /// Both are known where the health is.
    fn quiet_and_limit_ms(&self) -> (u64, u64) {
        let silence_ms = self.judgement.path.silence_ms(self.socket);
        let quiet_ms = silence_ms.unwrap_or_default();
        (quiet_ms, self.limit_ms().unwrap_or_default())
    }
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
