//! A mount namespace of the test's own, with tracefs or without.

use std::process::Command;

/// True if tracefs is mounted, which differs from machine to machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TracefsMount {
    Mounted,
    Absent,
}

/// Words that run what follows them so. Needs root; nothing changes outside.
pub fn with_tracefs(mount: TracefsMount) -> Vec<String> {
    // Debugfs mounts tracefs below itself.
    let mut script = "while umount -l /sys/kernel/tracing 2>/dev/null; do :; done; \
         while umount -l /sys/kernel/debug 2>/dev/null; do :; done; "
        .to_owned();
    if mount == TracefsMount::Mounted {
        script += "mount -t tracefs tracefs /sys/kernel/tracing || exit 99; ";
    }
    script += "exec \"$0\" \"$@\"";
    let words = ["unshare", "-m", "--propagation", "private", "sh", "-c"];
    let mut words: Vec<String> = words.map(str::to_owned).into();
    words.push(script);
    words
}

/// The same as a command, which lacks the program that it runs.
pub fn command_with_tracefs(mount: TracefsMount) -> Command {
    let words = with_tracefs(mount);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}
