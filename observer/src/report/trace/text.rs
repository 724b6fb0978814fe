//! One event, as a line of aligned columns.

use crate::model::{Event, Process};
use crate::render::event::{Tone, push_what};
use crate::text::escape;
use crate::text::push::{self, raw};

/// A column, as wide as what was in it so far.
struct Column {
    header: &'static str,
    chars: usize,
    /// A longer name still widens no further line: names of other processes can be of any form.
    at_most: usize,
    is_number: bool,
}

const fn column(header: &'static str, chars: usize, at_most: usize) -> Column {
    Column {
        header,
        chars,
        at_most,
        is_number: false,
    }
}

/// All but the last, what happened, which is not padded.
pub(super) struct Text {
    time: Column,
    kind: Column,
    pid: Column,
    comm: Column,
    local: Column,
    remote: Column,
    color: bool,
    cell: Vec<u8>,
}

const IPV4_END: usize = "255.255.255.255:65535".len();
const IPV6_END: usize = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535".len();

impl Text {
    pub(super) fn new(color: bool) -> Self {
        Self {
            time: column("TIME", 12, 12),
            kind: column("KIND", 6, 6),
            pid: Column {
                is_number: true,
                ..column("PID", 7, 12)
            },
            comm: column("COMM", 15, 17),
            local: column("LOCAL", IPV4_END, IPV6_END),
            remote: column("REMOTE", IPV4_END, IPV6_END),
            color,
            cell: Vec::new(),
        }
    }

    pub(super) fn header(&self, out: &mut Vec<u8>) {
        for column in [
            &self.time,
            &self.kind,
            &self.pid,
            &self.comm,
            &self.local,
            &self.remote,
        ] {
            column.push(out, column.header.as_bytes(), "");
        }
        out.extend_from_slice(b"WHAT\n");
    }

    pub(super) fn event(&mut self, out: &mut Vec<u8>, event: &Event, at_ms: i64) {
        let color = if self.color { color(event) } else { "" };
        self.head(out, at_ms, event.detail.kind().name(), color);
        self.who(out, event);
        self.cell.clear();
        push::end(&mut self.cell, event.socket.local);
        self.local.widen_and_push(out, &self.cell);
        self.cell.clear();
        push::end(&mut self.cell, event.socket.remote);
        self.remote.widen_and_push(out, &self.cell);
        push_what(out, event);
        out.push(b'\n');
    }

    pub(super) fn lost(&mut self, out: &mut Vec<u8>, count: u64, at_ms: i64) {
        let color = if self.color { BOLD_RED } else { "" };
        self.head(out, at_ms, "lost", color);
        for column in [&self.pid, &self.comm, &self.local, &self.remote] {
            column.push(out, b"-", "");
        }
        push::int(out, count);
        raw(out, if count == 1 { " event" } else { " events" });
        raw(out, " did not fit\n");
    }

    fn head(&mut self, out: &mut Vec<u8>, at_ms: i64, kind: &str, color: &str) {
        self.cell.clear();
        push::time_of_day(&mut self.cell, at_ms);
        self.time.push(out, &self.cell, "");
        self.kind.push(out, kind.as_bytes(), color);
    }

    /// The process that acted. Where none did, the one that opened the connection, in parentheses;
    /// those around the number cannot be part of a name.
    fn who(&mut self, out: &mut Vec<u8>, event: &Event) {
        match (event.actor, event.owner, event.socket.kernel_owned) {
            (Some(actor), _, _) => self.process(out, actor, ("", "")),
            (None, Some(owner), _) => self.process(out, owner, ("(", ")")),
            (None, None, Some(true)) => self.pid_and_comm(out, "-", "kernel"),
            (None, None, _) => self.pid_and_comm(out, "?", "?"),
        }
    }

    fn process(&mut self, out: &mut Vec<u8>, process: Process, (before, after): (&str, &str)) {
        self.cell.clear();
        raw(&mut self.cell, before);
        push::int(&mut self.cell, process.pid);
        raw(&mut self.cell, after);
        self.pid.widen_and_push(out, &self.cell);
        self.cell.clear();
        raw(&mut self.cell, before);
        escape::push_text(&mut self.cell, process.comm.as_bytes());
        raw(&mut self.cell, after);
        self.comm.widen_and_push(out, &self.cell);
    }

    fn pid_and_comm(&self, out: &mut Vec<u8>, pid: &str, comm: &str) {
        self.pid.push(out, pid.as_bytes(), "");
        self.comm.push(out, comm.as_bytes(), "");
    }
}

impl Column {
    fn widen_and_push(&mut self, out: &mut Vec<u8>, cell: &[u8]) {
        self.chars = push::chars(cell).min(self.at_most).max(self.chars);
        self.push(out, cell, "");
    }

    fn push(&self, out: &mut Vec<u8>, cell: &[u8], color: &str) {
        let missing = self.chars.saturating_sub(push::chars(cell));
        if self.is_number {
            pad(out, missing);
        }
        raw(out, color);
        out.extend_from_slice(cell);
        if !color.is_empty() {
            raw(out, RESET);
        }
        if !self.is_number {
            pad(out, missing);
        }
        pad(out, GAP);
    }
}

/// Between two columns.
const GAP: usize = 2;

fn pad(out: &mut Vec<u8>, spaces: usize) {
    out.resize(out.len() + spaces, b' ');
}

const RESET: &str = "\x1b[0m";
const RED: &str = "\x1b[31m";
const BOLD_RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";
const DIM: &str = "\x1b[2m";

fn color(event: &Event) -> &'static str {
    match Tone::of(event) {
        Tone::Plain => "",
        Tone::Dim => DIM,
        Tone::Warn => YELLOW,
        Tone::Bad => RED,
    }
}
