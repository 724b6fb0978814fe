//! From what sock_diag, /proc and getsockopt say of a socket to the model.

use std::sync::Arc;

use smallvec::SmallVec;

use super::message::DiagSocket;
use super::options::Options;
use super::tcp_info::TcpInfo;
use crate::host::KeepaliveSysctls;
use crate::model::keepalive::TimerState;
use crate::model::{Cgroup, Idle, Keepalive, Owner, Setting, Socket, State, Timer, TimerKind};

/// Everything known of one socket.
pub(crate) struct Parts {
    pub(crate) diag: DiagSocket,
    /// Inode number of the network namespace it was found in.
    pub(crate) netns: u32,
    pub(crate) peer_is_local: Option<bool>,
    pub(crate) sysctls: Option<KeepaliveSysctls>,
    pub(crate) owners: SmallVec<[Owner; 1]>,
    pub(crate) cgroup: Option<Arc<Cgroup>>,
    pub(crate) options: Option<Options>,
    /// `CLOCK_MONOTONIC` at the scan, which the kernel's jiffies follow.
    pub(crate) uptime_ms: u64,
}

impl Parts {
    /// Joins the parts.
    pub(crate) fn into_socket(self) -> Socket {
        let info = self.connection_info();
        let in_flight = info.and_then(TcpInfo::in_flight);
        let idle = info.map(|i| self.idle(i)).unwrap_or_default();
        let (keepalive, probe_ms) = self.keepalive(in_flight, &idle);
        let diag = &self.diag;
        Socket {
            cookie: Some(diag.cookie),
            inode: (diag.inode != 0).then_some(diag.inode.into()),
            netns: Some(self.netns),
            family: diag.family,
            state: diag.state,
            local: diag.local,
            remote: diag.remote,
            peer_is_local: self.peer_is_local,
            // sock_diag does not show `sk_kern_sock`; but no descriptor leads to such a socket.
            kernel_owned: (!self.owners.is_empty()).then_some(false),
            uid: diag.info.map(|_| diag.uid),
            keepalive,
            timer: diag.timer,
            idle: Idle { probe_ms, ..idle },
            bytes_sent: info.and_then(|i| i.bytes_sent),
            bytes_received: info.and_then(|i| i.bytes_received),
            unacked: info.and_then(|i| i.unacked),
            in_flight,
            segs_in: info.and_then(|i| i.segs_in),
            owners: self.owners,
            cgroup: self.cgroup,
            past: None,
        }
    }

    /// `tcp_info` where it is that of a connection: a listening socket's has other things in the
    /// same fields.
    fn connection_info(&self) -> Option<&TcpInfo> {
        let info = self.diag.info.as_ref();
        info.filter(|_| self.diag.state != State::Listen)
    }

    /// Stamps count from the handshake, so before it there are none. A stamp of 0 (a connection
    /// restored with `TCP_REPAIR`) makes a time since before boot: unknown.
    fn idle(&self, info: &TcpInfo) -> Idle {
        if !self.diag.state.has_stamps() {
            return Idle::default();
        }
        let since = |ms: Option<u32>| ms.map(u64::from).filter(|ms| *ms <= self.uptime_ms);
        let sent_ms = since(info.last_data_sent_ms);
        let received_ms = since(info.last_data_received_ms);
        let last_data = || {
            let (sent, received) = (info.bytes_sent?, info.bytes_received?);
            Idle::direction(self.diag.state, sent_ms?, received_ms?, sent, received)
        };
        Idle {
            sent_ms,
            received_ms,
            ack_ms: since(info.last_ack_received_ms),
            probe_ms: None,
            peer_probe_ms: None,
            segment_ms: None,
            peer_keeps_alive: false,
            last_data: last_data(),
        }
    }

    /// The keepalive settings, what follows from them, and the time since our last probe.
    fn keepalive(&self, in_flight: Option<bool>, idle: &Idle) -> (Keepalive, Option<u64>) {
        let timer = self.diag.timer;
        let kind = timer.map(|timer| timer.kind);
        let setting = |value: fn(&Options) -> u32, sysctl: fn(&KeepaliveSysctls) -> u32| {
            self.options
                .as_ref()
                .map_or_else(Setting::default, |options| {
                    Setting::from_getsockopt(value(options), self.sysctls.as_ref().map(sysctl))
                })
        };
        let enabled = self
            .options
            .map(|o| o.keepalive)
            .or_else(|| self.enabled_by_timer());
        // FIN_WAIT2 without a process uses the keepalive timer for its own end.
        let ends = self.diag.state == State::FinWait2 && self.diag.inode == 0;
        let armed = timer.filter(|timer| timer.kind == TimerKind::Keepalive && !ends);
        let probing = armed.filter(|_| in_flight == Some(false));
        let unanswered = match (probing, timer) {
            (Some(timer), _) => Some(timer.unanswered),
            // The same counter counts probes of a closed window while data waits.
            (_, Some(timer)) if timer.kind == TimerKind::Probe && timer.unanswered > 0 => None,
            _ if in_flight == Some(true) => Some(0),
            (_, Some(_)) if kind == Some(TimerKind::Off) && self.diag.info.is_some() => Some(0),
            // Another timer is shown, and tcp_info has the count.
            (_, None) if in_flight == Some(false) && !ends => {
                let info = self.connection_info();
                info.and_then(|info| info.probes).map(u32::from)
            }
            _ => None,
        };
        let mut keepalive = Keepalive {
            enabled,
            idle: setting(|o| o.idle_s, |s| s.idle_s),
            interval: setting(|o| o.interval_s, |s| s.interval_s),
            probes: setting(|o| o.probes, |s| s.probes),
            user_timeout_ms: self.options.map(|o| o.user_timeout_ms),
            next_probe_ms: None,
            timer_ms: armed.map(|timer| timer.expires_ms),
            unanswered,
        };
        let mut probe_ms = None;
        if let Some(timer) = probing
            && enabled == Some(true)
        {
            keepalive.next_probe_ms = self.next_probe_ms(timer, &keepalive, idle);
            // A probe arms the timer for the interval.
            probe_ms = keepalive
                .interval
                .value
                .filter(|_| timer.unanswered > 0)
                .map(|interval_s| (u64::from(interval_s) * 1000).saturating_sub(timer.expires_ms));
        }
        (keepalive, probe_ms)
    }

    /// An established connection has its keepalive timer pending whenever the option is on.
    fn enabled_by_timer(&self) -> Option<bool> {
        match (self.diag.state, self.diag.timer?.kind) {
            (State::Established, TimerKind::Keepalive) => Some(true),
            (State::Established, TimerKind::Off) => Some(false),
            _ => None,
        }
    }

    fn next_probe_ms(&self, timer: Timer, keepalive: &Keepalive, idle: &Idle) -> Option<u64> {
        let heard_ms = [idle.received_ms, idle.ack_ms]
            .into_iter()
            .flatten()
            .min()?;
        let state = TimerState {
            expires_ms: timer.expires_ms,
            heard_ms,
            idle_ms: u64::from(keepalive.idle.value?) * 1000,
            probes: keepalive.probes.value?,
            user_timeout_ms: keepalive.user_timeout_ms?.into(),
            unanswered: timer.unanswered,
        };
        state.next_probe_ms()
    }
}

#[cfg(test)]
#[path = "join_tests.rs"]
mod tests;
