//! Which sockets and events the user asked for.

use wildmatch::WildMatch;

use super::cidr::Cidr;
use super::span::Span;
use super::{Health, Judgement, Verdict};
use crate::model::StateSet;
use crate::model::{Cgroup, Comm, Event, Family, Owner, Process, Socket, State};

/// The selection: a socket must match every list that is not empty, by any of its values.
///
/// An unknown value matches nothing.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Process ids of owners.
    pub pids: Vec<u32>,
    /// Names of owners.
    pub comms: Vec<CommGlob>,
    /// Ports at either end.
    pub ports: Vec<u16>,
    /// Remote addresses.
    pub remotes: Vec<Cidr>,
    /// Local addresses.
    pub locals: Vec<Cidr>,
    /// TCP states.
    pub states: Vec<State>,
    /// Verdicts.
    pub verdicts: Vec<Verdict>,
    /// States of health.
    pub healths: Vec<Health>,
    /// Least time since the last payload.
    pub min_idle: Vec<Span>,
    /// Least time since the last packet.
    pub min_quiet: Vec<Span>,
    /// Control group paths or systemd units.
    pub cgroups: Vec<WildMatch>,
    /// Inode numbers of network namespaces.
    pub netns: Vec<u32>,
    /// Address families of the socket itself.
    pub families: Vec<Family>,
    /// Listeners, TIME_WAIT and SYN_RECV too.
    pub all: bool,
}

impl Selection {
    /// Puts the owners that were asked for before the others, so that who asks for a process
    /// reads its name.
    pub fn put_asked_owners_first(&self, sockets: &mut [Socket]) {
        if self.pids.is_empty() && self.comms.is_empty() {
            return;
        }
        let asked = |owner: &Owner| {
            any(&self.pids, |pid| owner.pid == *pid)
                && any(&self.comms, |glob| glob.matches(owner.comm))
        };
        for socket in sockets.iter_mut().filter(|s| s.owners.len() > 1) {
            socket.owners.sort_by_key(|owner| !asked(owner));
        }
    }

    /// The states that a scan must return so that nothing selected is missing.
    #[must_use]
    pub fn scan_states(&self) -> StateSet {
        let base = if self.all {
            StateSet::ALL
        } else {
            StateSet::CONNECTED
        };
        let asked = self.states.iter().fold(0, |set, state| set | state.bit());
        StateSet(base.0 | asked)
    }

    /// Selection of a socket by all criteria that need no judgement.
    #[must_use]
    pub fn matches_socket(&self, socket: &Socket) -> bool {
        let owners = &socket.owners;
        self.matches_but_processes(socket)
            && any(&self.pids, |pid| owners.iter().any(|o| o.pid == *pid))
            && any(&self.comms, |glob| {
                owners.iter().any(|o| glob.matches(o.comm))
            })
    }

    /// Selection of an event by all criteria that need no judgement: its socket as it stood, and the
    /// process that acted or the one that opened the connection. Sockets in every state are, unless
    /// states are asked for: options are set on listeners, and before a socket connects.
    #[must_use]
    pub fn matches_event(&self, event: &Event) -> bool {
        let processes = [event.actor, event.owner];
        let known = |matches: &dyn Fn(Process) -> bool| {
            let mut known = processes.into_iter().flatten();
            known.any(matches)
        };
        self.matches_but_processes(&event.socket)
            && any(&self.pids, |pid| known(&|process| process.pid == *pid))
            && any(&self.comms, |glob| {
                known(&|process| glob.matches(process.comm))
            })
    }

    fn matches_but_processes(&self, socket: &Socket) -> bool {
        any(&self.states, |state| *state == socket.state)
            && any(&self.families, |family| *family == socket.family)
            && any(&self.ports, |port| {
                *port == socket.local.port() || *port == socket.remote.port()
            })
            && any(&self.netns, |netns| Some(*netns) == socket.netns)
            && any(&self.locals, |range| range.contains(socket.local.ip()))
            && any(&self.remotes, |range| {
                has_peer(socket) && range.contains(socket.remote.ip())
            })
            && any(&self.min_idle, |least| {
                socket.idle.data_ms().is_some_and(|ms| ms >= least.ms)
            })
            && any(&self.min_quiet, |least| {
                socket.idle.quiet_ms().is_some_and(|ms| ms >= least.ms)
            })
            && any(&self.cgroups, |glob| {
                let cgroup = socket.cgroup.as_deref();
                cgroup.is_some_and(|cgroup| matches_cgroup(glob, cgroup))
            })
    }

    /// Selection by verdict and health.
    #[must_use]
    pub fn matches_judgement(&self, judgement: &Judgement) -> bool {
        any(&self.verdicts, |v| Some(*v) == judgement.verdict)
            && any(&self.healths, |h| Some(*h) == judgement.health)
    }
}

/// No value asked for, or one that matches.
fn any<T>(asked: &[T], matches: impl FnMut(&T) -> bool) -> bool {
    asked.is_empty() || asked.iter().any(matches)
}

fn has_peer(socket: &Socket) -> bool {
    socket.remote.port() != 0
}

fn matches_cgroup(glob: &WildMatch, cgroup: &Cgroup) -> bool {
    glob.matches(&cgroup.path)
        || cgroup
            .unit
            .as_deref()
            .is_some_and(|unit| glob.matches(unit))
}

/// A pattern for process names.
#[derive(Debug, Clone)]
pub struct CommGlob(WildMatch);

/// `TASK_COMM_LEN` without its NUL.
const COMM_LEN: usize = 15;

impl CommGlob {
    /// `*` stands for any text, `?` for one character. A longer name without them is cut as the
    /// kernel cuts it, so that a program's full name finds it.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        let literal = !pattern.contains(['*', '?']);
        let kept = if literal {
            pattern.floor_char_boundary(COMM_LEN)
        } else {
            pattern.len()
        };
        Self(WildMatch::new(pattern.get(..kept).unwrap_or(pattern)))
    }

    fn matches(&self, comm: Comm) -> bool {
        self.0.matches(&comm.to_string_lossy())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::testing::socket;
    use crate::model::{EventDetail, Idle};
    use crate::policy::{Policy, Verdict};

    fn select(change: impl FnOnce(&mut Selection)) -> Selection {
        let mut selection = Selection::default();
        change(&mut selection);
        selection
    }

    fn selects(socket: &Socket, change: impl FnOnce(&mut Selection)) -> bool {
        select(change).matches_socket(socket)
    }

    fn span(text: &str) -> Span {
        text.parse().unwrap()
    }

    #[test]
    fn values_of_one_flag_are_ored_and_flags_anded() {
        let socket = socket();
        assert!(selects(&socket, |_| {}));
        assert!(selects(&socket, |s| s.pids = vec![1, 812]));
        let mut shared = socket.clone();
        let mut child = shared.owners[0];
        child.pid = 900;
        shared.owners.push(child);
        let of_child = Selection {
            pids: vec![900],
            ..Selection::default()
        };
        of_child.put_asked_owners_first(std::slice::from_mut(&mut shared));
        assert_eq!(shared.owners[0].pid, 900);
        assert!(!selects(&socket, |s| s.pids = vec![1]));
        assert!(!selects(&socket, |s| {
            s.pids = vec![812];
            s.ports = vec![80];
        }));
    }

    #[test]
    fn ports_match_either_end() {
        let socket = socket();
        assert!(selects(&socket, |s| s.ports = vec![443]));
        assert!(selects(&socket, |s| s.ports = vec![51122]));
        assert!(!selects(&socket, |s| s.ports = vec![22]));
    }

    #[test]
    fn names_match_by_glob_and_as_the_kernel_cuts_them() {
        let mut socket = socket();
        let comm = |socket: &Socket, pattern: &str| {
            selects(socket, |s| s.comms = vec![CommGlob::new(pattern)])
        };
        assert!(comm(&socket, "python3"));
        assert!(comm(&socket, "py*"));
        assert!(comm(&socket, "python?"));
        assert!(!comm(&socket, "python"));
        socket.owners[0].comm = Comm::new(b"gnome-terminal-");
        assert!(comm(&socket, "gnome-terminal-server"));
        socket.owners.clear();
        assert!(!comm(&socket, "*"));
    }

    #[test]
    fn cgroups_match_by_path_or_unit() {
        let mut socket = socket();
        let cgroup = |socket: &Socket, pattern: &str| {
            selects(socket, |s| s.cgroups = vec![WildMatch::new(pattern)])
        };
        assert!(!cgroup(&socket, "*"));
        socket.cgroup = Some(Arc::new(Cgroup::parse("/system.slice/etl.service")));
        assert!(cgroup(&socket, "/system.slice/*"));
        assert!(cgroup(&socket, "etl.service"));
        assert!(!cgroup(&socket, "etl"));
    }

    #[test]
    fn addresses_match_by_range() {
        let mut socket = socket();
        let remote = |socket: &Socket, range: &str| {
            selects(socket, |s| s.remotes = vec![range.parse().unwrap()])
        };
        assert!(remote(&socket, "203.0.113.0/24"));
        assert!(!remote(&socket, "10.0.0.0/8"));
        assert!(selects(&socket, |s| {
            s.locals = vec!["10.0.0.0/8".parse().unwrap()];
        }));
        socket.remote = "0.0.0.0:0".parse().unwrap();
        assert!(!remote(&socket, "0.0.0.0/0"), "a listener has no peer");
    }

    #[test]
    fn unknown_values_match_nothing() {
        let mut socket = socket();
        socket.idle = Idle::default();
        socket.netns = None;
        assert!(!selects(&socket, |s| s.min_idle = vec![span("0")]));
        assert!(!selects(&socket, |s| s.min_quiet = vec![span("0")]));
        assert!(!selects(&socket, |s| s.netns = vec![0]));
        socket.keepalive.enabled = None;
        let policy = Policy::default();
        let judgement = policy.judge(&socket);
        for verdict in Verdict::ALL {
            let selection = select(|s| s.verdicts = vec![verdict]);
            assert!(!selection.matches_judgement(&judgement));
        }
    }

    #[test]
    fn least_times_are_inclusive() {
        let socket = socket();
        assert!(selects(&socket, |s| s.min_idle = vec![span("1s")]));
        assert!(!selects(&socket, |s| s.min_quiet = vec![span("1001ms")]));
    }

    fn event(actor: Option<(u32, &str)>, owner: Option<(u32, &str)>) -> Event {
        let process = |(pid, comm): (u32, &str)| Process {
            pid,
            comm: Comm::new(comm.as_bytes()),
        };
        Event {
            at_ns: 0,
            // What a scan knows of its owners plays no part.
            socket: socket(),
            actor: actor.map(process),
            owner: owner.map(process),
            age_ms: None,
            detail: EventDetail::Probe { unanswered: 0 },
        }
    }

    #[test]
    fn events_are_of_who_acted_and_of_who_opened() {
        let both = event(Some((7, "worker")), Some((9, "server")));
        let by_kernel = event(None, Some((9, "server")));
        let pid = |event: &Event, pid| select(|s| s.pids = vec![pid]).matches_event(event);
        assert!(pid(&both, 7) && pid(&both, 9) && !pid(&both, 812));
        assert!(!pid(&by_kernel, 7) && pid(&by_kernel, 9));
        let comm = |event: &Event, pattern: &str| {
            select(|s| s.comms = vec![CommGlob::new(pattern)]).matches_event(event)
        };
        assert!(comm(&both, "work*") && comm(&both, "server") && !comm(&both, "python3"));
        assert!(!comm(&by_kernel, "worker"));
        assert!(!comm(&event(None, None), "*"), "nobody has no name");
    }

    #[test]
    fn events_are_selected_by_their_socket() {
        let mut of_listener = event(Some((7, "server")), None);
        let matches =
            |event: &Event, change: fn(&mut Selection)| select(change).matches_event(event);
        assert!(matches(&of_listener, |s| s.ports = vec![443]));
        assert!(!matches(&of_listener, |s| s.ports = vec![80]));
        assert!(!matches(&of_listener, |s| s.families = vec![Family::Ipv6]));
        assert!(!matches(&of_listener, |s| s.netns = vec![1]));
        assert!(!matches(&of_listener, |s| s.min_idle = vec![Span { ms: 1001 }]));
        of_listener.socket.cgroup = Some(Arc::new(Cgroup::parse("/system.slice/etl.service")));
        assert!(matches(&of_listener, |s| {
            s.cgroups = vec![WildMatch::new("etl.service")];
        }));
        for state in State::ALL {
            of_listener.socket.state = state;
            assert!(matches(&of_listener, |_| {}), "{}", state.name());
        }
        of_listener.socket.state = State::Listen;
        assert!(!matches(&of_listener, |s| s.states = vec![State::Established]));
        assert!(matches(&of_listener, |s| s.states = vec![State::Listen]));
    }

    #[test]
    fn states_widen_the_scan() {
        let states = |change: fn(&mut Selection)| select(change).scan_states();
        assert_eq!(states(|_| {}), StateSet::CONNECTED);
        assert_eq!(states(|s| s.all = true), StateSet::ALL);
        let listen = states(|s| s.states = vec![State::Listen]);
        assert!(listen.contains(State::Listen) && !listen.contains(State::TimeWait));
    }
}
