//! Data that a scan could not see, and notices of it to the user.

use std::io;

use rustix::io::Errno;

use super::message::DiagSocket;
use super::options::{Options, Unreadable};
use crate::host::pid_namespace::HIDDEN_PROCESSES;
use crate::model::scan::{Scan, UnknownField};
use crate::model::{Keepalive, Setting, Socket, State};

/// A field's JSON path, whether a socket lacks it, and why it may.
type Field = (&'static str, fn(&Socket) -> bool, String);

/// Data that was missed, counted while the scan went on.
#[derive(Debug, Default)]
pub(crate) struct MissingData {
    /// Processes whose descriptors this user may not read.
    pub(crate) hidden_processes: usize,
    /// A PID namespace of observer's own: processes outside of it are not seen.
    pub(crate) hides_processes: bool,
    /// Processes whose network namespace this user may not read.
    pub(crate) hidden_namespaces: usize,
    /// Network namespaces that this user may not enter.
    pub(crate) closed_namespaces: usize,
    /// Network namespaces, by inode number, that failed otherwise.
    pub(crate) failed_namespaces: Vec<(u32, io::Error)>,
    /// Network namespaces, by inode number, whose addresses could not be read.
    pub(crate) no_addresses: Vec<(u32, io::Error)>,
    /// Sockets whose descriptor may not be duplicated.
    denied: usize,
    /// Sockets with an inode that no visible process holds.
    unheld: usize,
    /// The last other error in reading options.
    failed: Option<Errno>,
}

impl MissingData {
    /// Counts a socket whose options were asked for.
    pub(crate) fn count(&mut self, socket: &DiagSocket, answer: Result<Options, Unreadable>) {
        match answer {
            Err(Unreadable::Denied) => self.denied += 1,
            Err(Unreadable::NoDescriptor) => self.unheld += usize::from(socket.inode != 0),
            Err(Unreadable::Failed(error)) => self.failed = Some(error),
            Ok(_) | Err(Unreadable::Closed) => {}
        }
    }

    /// Adds the notices and the unknown fields to the scan.
    pub(crate) fn report(&self, scan: &mut Scan, is_root: bool) {
        scan.notices
            .extend(self.permission(scan.sockets.len(), is_root));
        for (inode, error) in &self.failed_namespaces {
            let line = format!("cannot read the sockets of network namespace {inode}: {error}");
            scan.notices.push(line);
        }
        for (inode, error) in &self.no_addresses {
            let line = format!("cannot read the addresses of network namespace {inode}: {error}");
            scan.notices.push(line);
        }
        let is_unheld = |socket: &Socket| socket.inode.is_some() && socket.owners.is_empty();
        if let Some(why) = self.why_no_owners()
            && scan.sockets.iter().any(is_unheld)
        {
            scan.unknown.push(UnknownField {
                field: "owners",
                why: why.to_owned(),
            });
        }
        for (field, missing, why) in self.fields() {
            // Sockets without a user are the small ones of TIME_WAIT and SYN_RECV.
            if scan.sockets.iter().any(|s| s.uid.is_some() && missing(s)) {
                scan.unknown.push(UnknownField { field, why });
            }
        }
    }

    /// Why a socket with a file may have owners that are not seen; `None` where all are.
    fn why_no_owners(&self) -> Option<&'static str> {
        if self.hides_processes {
            return Some(HIDDEN_PROCESSES);
        }
        (self.hidden_processes > 0)
            .then_some("not permitted to read the descriptors of other users' processes")
    }

    /// One line on what more permission would show.
    fn permission(&self, sockets: usize, is_root: bool) -> Option<String> {
        let mut missing = Vec::new();
        let unheld = if self.hidden_processes > 0 {
            self.unheld
        } else {
            0
        };
        let unreadable = self.denied + unheld;
        if unreadable > 0 {
            let what = "the owners and keepalive values of";
            missing.push(format!("{what} {unreadable} of {sockets} sockets"));
        }
        if self.closed_namespaces > 0 {
            let count = counted(self.closed_namespaces, "other network namespace");
            missing.push(format!("the sockets of {count}"));
        }
        if self.hidden_namespaces > 0 {
            let count = counted(self.hidden_namespaces, "process");
            missing.push(format!("the network namespace of {count}"));
        }
        if missing.is_empty() {
            return None;
        }
        let remedy = if is_root {
            "that takes CAP_SYS_PTRACE and CAP_SYS_ADMIN outside of a container"
        } else {
            "run as root (sudo) to see them"
        };
        Some(format!("not visible: {}; {remedy}", missing.join(", ")))
    }

    /// Fields that may be unknown, how to tell, and why they are.
    fn fields(&self) -> [Field; 14] {
        let ownership = if self.hidden_processes > 0 {
            "not permitted to read the descriptors of other users' processes"
        } else {
            "sock_diag does not tell a socket of the kernel from one that no process holds any more"
        };
        let origin =
            "getsockopt answers the same for a value of the socket's own and for the sysctl's";
        let values = self.why_no_values();
        let info = "this kernel's tcp_info does not have it";
        [
            (
                "kernel_owned",
                |s| s.kernel_owned.is_none(),
                ownership.into(),
            ),
            (
                "keepalive.enabled",
                |s| s.keepalive.enabled.is_none(),
                values.clone(),
            ),
            (
                "keepalive.idle_s",
                |s| s.keepalive.idle.value.is_none(),
                values.clone(),
            ),
            (
                "keepalive.interval_s",
                |s| s.keepalive.interval.value.is_none(),
                values.clone(),
            ),
            (
                "keepalive.probes",
                |s| s.keepalive.probes.value.is_none(),
                values.clone(),
            ),
            (
                "keepalive.user_timeout_ms",
                |s| s.keepalive.user_timeout_ms.is_none(),
                values.clone(),
            ),
            (
                "keepalive.next_probe_ms",
                |s| lacks_values(&s.keepalive),
                values.clone(),
            ),
            ("keepalive.detect_s", |s| lacks_values(&s.keepalive), values),
            (
                "keepalive.idle_from",
                |s| lacks_origin(s.keepalive.idle),
                origin.into(),
            ),
            (
                "keepalive.interval_from",
                |s| lacks_origin(s.keepalive.interval),
                origin.into(),
            ),
            (
                "keepalive.probes_from",
                |s| lacks_origin(s.keepalive.probes),
                origin.into(),
            ),
            (
                "timer",
                |s| s.timer.is_none(),
                "sock_diag shows a timer that observer does not know, such as that of delayed acknowledgements (Linux 7.1 and later)".into(),
            ),
            (
                "unacked",
                |s| s.unacked.is_none() && s.state != State::Listen,
                info.into(),
            ),
            (
                "bytes_sent",
                |s| s.bytes_sent.is_none() && s.state != State::Listen,
                info.into(),
            ),
        ]
    }

    fn why_no_values(&self) -> String {
        match self.failed {
            Some(Errno::NOSYS) => "pidfd_getfd needs Linux 5.6 or later".into(),
            Some(error) => format!("descriptors could not be duplicated: {error}"),
            None if self.denied > 0 || self.hidden_processes > 0 => {
                "not permitted to duplicate the descriptors of other processes".into()
            }
            None => {
                "sock_diag does not show options, and no process holds some of the sockets".into()
            }
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    let plural = match noun {
        _ if count == 1 => "",
        "process" => "es",
        _ => "s",
    };
    format!("{count} {noun}{plural}")
}

/// Keepalive is on, and what follows from its values cannot be said.
fn lacks_values(keepalive: &Keepalive) -> bool {
    keepalive.enabled == Some(true) && keepalive.idle.value.is_none()
}

fn lacks_origin(setting: Setting) -> bool {
    setting.value.is_some() && setting.from.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_permission_is_silent() {
        let mut scan = Scan::default();
        let missing = MissingData {
            unheld: 3,
            ..MissingData::default()
        };
        missing.report(&mut scan, true);
        assert_eq!(scan.notices, Vec::<String>::new());
        assert_eq!(scan.unknown, []);
    }

    #[test]
    fn an_ordinary_user_hears_once_what_root_would_see() {
        let missing = MissingData {
            hidden_processes: 90,
            closed_namespaces: 2,
            unheld: 3,
            denied: 1,
            ..MissingData::default()
        };
        let line = missing.permission(10, false).unwrap_or_default();
        assert!(line.contains("4 of 10 sockets"), "{line}");
        assert!(line.contains("2 other network namespaces"), "{line}");
        assert!(line.contains("sudo"), "{line}");
        assert!(!line.contains('\n'));
    }

    #[test]
    fn owners_that_may_be_there_are_named_as_unknown() {
        let fields = |missing: MissingData| {
            let mut scan = Scan::default();
            let mut unheld = crate::model::testing::socket();
            unheld.owners.clear();
            scan.sockets.push(unheld);
            missing.report(&mut scan, false);
            let mut fields = scan.unknown.iter().map(|unknown| unknown.field);
            fields.any(|field| field == "owners")
        };
        assert!(!fields(MissingData::default()));
        assert!(fields(MissingData {
            hidden_processes: 1,
            ..MissingData::default()
        }));
        assert!(fields(MissingData {
            hides_processes: true,
            ..MissingData::default()
        }));
    }

    #[test]
    fn the_reason_is_the_one_that_helps() {
        let failed = |errno| MissingData {
            failed: Some(errno),
            denied: 1,
            ..MissingData::default()
        };
        assert!(failed(Errno::NOSYS).why_no_values().contains("5.6"));
        assert!(failed(Errno::MFILE).why_no_values().contains("duplicated"));
        assert!(
            MissingData {
                denied: 1,
                ..MissingData::default()
            }
            .why_no_values()
            .contains("permitted")
        );
    }
}
