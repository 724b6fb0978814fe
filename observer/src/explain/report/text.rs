//! The explanation for people: a heading, the layers, what will happen, what to change.

use std::io::{self, Write};

use crate::explain::{Change, Explanation, Layer, LayerLimit, LayerName, OutcomeKind};
use crate::policy::{JudgedRef, Verdict};
use crate::text::output::OutputBuffer;
use crate::text::quantity;
use crate::text::wrap::wrap;
use crate::text::{escape, push};

/// Kind of a line, for who colours it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Plain text.
    Plain,
    /// A title.
    Title,
    /// Less important.
    Dim,
    /// A layer without a limit, or a connection that is lost.
    Danger,
    /// A connection that will be lost.
    Warning,
    /// A connection that is safe.
    Good,
    /// To be copied.
    Code,
}

/// A line, escaped, without its newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its kind.
    pub paint: Paint,
    /// Its text.
    pub text: String,
}

impl Line {
    /// A line with nothing in it.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            paint: Paint::Plain,
            text: String::new(),
        }
    }

    fn new(paint: Paint, text: &str) -> Self {
        Self {
            paint,
            text: escape::text(text.as_bytes()),
        }
    }
}

/// Columns of the layers: the layer, how long it waits, why.
const LAYER: usize = 11;
const WAITS: usize = 9;
const WHY_AT: usize = LAYER + 1 + WAITS + 1;
/// Narrower than this no explanation can be read.
const MIN_WHY: usize = 20;

/// Which socket it is, and what list says of it.
#[must_use]
pub fn heading(judged: &JudgedRef<'_>, matched: usize, width: usize) -> Vec<Line> {
    let socket = judged.socket;
    let end = |end| {
        let mut out = Vec::new();
        push::end(&mut out, end);
        String::from_utf8_lossy(&out).into_owned()
    };
    let owner = match socket.owners.split_first() {
        Some((owner, others)) => {
            let comm = escape::text(owner.comm.as_bytes());
            let more = match others.len() {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            format!(", {}/{comm}{more}", owner.pid)
        }
        None if socket.kernel_owned == Some(true) => ", held by the kernel".to_owned(),
        None => String::new(),
    };
    let title = format!(
        "{} -> {}, {}{owner}",
        end(socket.local),
        end(socket.remote),
        socket.state.name()
    );
    let judgement = &judged.judgement;
    let mut facts = vec![
        judgement
            .verdict
            .map_or("verdict ?", Verdict::name)
            .to_owned(),
        judgement
            .health
            .map_or("health ?", |health| health.name())
            .to_owned(),
    ];
    facts.extend(
        judgement
            .reasons
            .iter()
            .map(|reason| reason.name().to_owned()),
    );
    facts.push(
        socket
            .cookie
            .map_or("cookie ?".into(), |cookie| format!("cookie {cookie}")),
    );
    if matched > 1 {
        facts.push(format!("the most dangerous of {matched} that match"));
    }
    let mut lines = vec![Line {
        paint: Paint::Title,
        text: title,
    }];
    lines.extend(paragraph(Paint::Dim, &facts.join(", "), width));
    lines
}

/// The heading and the explanation.
#[must_use]
pub fn page(
    judged: &JudgedRef<'_>,
    matched: usize,
    explanation: &Explanation,
    width: usize,
) -> Vec<Line> {
    let mut page = heading(judged, matched, width);
    page.push(Line::empty());
    page.extend(lines(explanation, width));
    page
}

/// The explanation, in lines of at most `width` characters where words allow. Snippets and commands
/// are never broken.
#[must_use]
pub fn lines(explanation: &Explanation, width: usize) -> Vec<Line> {
    let mut lines = vec![Line::new(Paint::Title, &row("LAYER", "WAITS", "WHY"))];
    for layer in &explanation.layers {
        lines.extend(layer_lines(layer, width));
    }
    lines.push(Line::empty());
    let outcome = &explanation.outcome;
    lines.extend(paragraph(paint_of(outcome.kind), &outcome.text, width));
    if let Some(change) = &explanation.change {
        lines.extend(change_lines(change, width));
    }
    lines
}

fn row(layer: &str, waits: &str, why: &str) -> String {
    format!("{layer:LAYER$} {waits:WAITS$} {why}")
}

fn layer_lines(layer: &Layer, width: usize) -> Vec<Line> {
    let title = match layer.name {
        LayerName::Lookup => "name lookup",
        LayerName::Connect => "connect",
        LayerName::Write => "write",
        LayerName::Read => "read",
        LayerName::Keepalive => "keepalive",
        LayerName::Path => "path",
        LayerName::Total => "one request",
    };
    let (waits, paint) = match layer.limit {
        LayerLimit::Ms(ms) => (quantity::time(ms), Paint::Plain),
        LayerLimit::Unlimited if layer.name == LayerName::Path => ("no limit".into(), Paint::Plain),
        LayerLimit::Unlimited => ("no limit".into(), Paint::Danger),
        LayerLimit::Unknown => ("?".into(), Paint::Dim),
        LayerLimit::NotApplicable => ("-".into(), Paint::Dim),
    };
    let why = if layer.from.is_empty() {
        layer.detail.clone()
    } else {
        format!("{}: {}", layer.from, layer.detail)
    };
    let why = escape::text(why.as_bytes());
    let room = width.saturating_sub(WHY_AT).max(MIN_WHY);
    let mut first = Some((title, waits.as_str()));
    wrap(&why, room)
        .iter()
        .map(|part| {
            let (title, waits) = first.take().unwrap_or_default();
            Line {
                paint,
                text: row(title, waits, part),
            }
        })
        .collect()
}

fn paint_of(kind: OutcomeKind) -> Paint {
    match kind {
        OutcomeKind::Forgotten | OutcomeKind::Retransmitting | OutcomeKind::Probing => {
            Paint::Danger
        }
        OutcomeKind::WillBeForgotten | OutcomeKind::WillBeEnded => Paint::Warning,
        OutcomeKind::Protected => Paint::Good,
        OutcomeKind::NotConnected
        | OutcomeKind::Connecting
        | OutcomeKind::KeptByPeer
        | OutcomeKind::WindowClosed
        | OutcomeKind::Exempt
        | OutcomeKind::Unknown => Paint::Plain,
    }
}

fn change_lines(change: &Change, width: usize) -> Vec<Line> {
    let mut lines = vec![Line::empty()];
    let how = format!(
        "The change for this program ({}): {}",
        change.program, change.how
    );
    lines.extend(paragraph(Paint::Plain, &how, width));
    lines.push(Line::empty());
    // A tab would be escaped.
    let snippet = change.snippet.replace('\t', "    ");
    lines.extend(snippet.lines().map(code));
    lines.push(Line::empty());
    let sysctls = match change.sysctls_suffice {
        Some(true) => {
            "Or without a change to it, because it sets SO_KEEPALIVE and leaves the times that are too long to the system: sysctls of its network namespace, for connections made from then on; those that exist keep the timer that they have:"
        }
        Some(false) => {
            "Sysctls of its network namespace do not help it: they are for sockets with SO_KEEPALIVE and without times of their own. For programs with such sockets:"
        }
        None => {
            "Sysctls of its network namespace help if it sets SO_KEEPALIVE and no times of its own, for connections made from then on; those that exist keep the timer that they have:"
        }
    };
    lines.extend(paragraph(Paint::Plain, sysctls, width));
    lines.push(Line::empty());
    lines.push(code(&change.sysctl_command));
    lines
}

fn code(line: &str) -> Line {
    let indent = if line.is_empty() { "" } else { "    " };
    Line {
        paint: Paint::Code,
        text: format!("{indent}{}", escape::text(line.as_bytes())),
    }
}

fn paragraph(paint: Paint, text: &str, width: usize) -> Vec<Line> {
    let text = escape::text(text.as_bytes());
    let parts = wrap(&text, width.max(MIN_WHY));
    parts.into_iter().map(|text| Line { paint, text }).collect()
}

const RESET: &str = "\x1b[0m";

/// Writes lines, with colours if asked for.
pub fn write(to: &mut dyn Write, lines: &[Line], color: bool) -> io::Result<()> {
    let mut sink = OutputBuffer::new(to);
    for line in lines {
        let color = match line.paint {
            _ if !color => "",
            Paint::Plain => "",
            Paint::Title => "\x1b[1m",
            Paint::Dim => "\x1b[2m",
            Paint::Danger => "\x1b[31m",
            Paint::Warning => "\x1b[33m",
            Paint::Good => "\x1b[32m",
            Paint::Code => "\x1b[36m",
        };
        push::raw(&mut sink.buffer, color);
        push::raw(&mut sink.buffer, line.text.trim_end());
        push::raw(&mut sink.buffer, if color.is_empty() { "" } else { RESET });
        sink.buffer.push(b'\n');
        sink.drain_if_large()?;
    }
    sink.finish()
}
