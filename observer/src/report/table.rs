//! The table for people: one line a socket, columns as wide as what is in them.

use std::io::{self, Write};
use std::num::NonZero;

use crate::policy::{Health, JudgedRef, Verdict};
use crate::render::column::{self, Column};
use crate::render::parallel::in_order;
use crate::text::push;

/// Appearance of the table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// With every column.
    pub wide: bool,
    /// With colours.
    pub color: bool,
}

/// Between two columns.
const GAP: usize = 2;

/// Usual length of the last column, at most.
const LAST_COLUMN: usize = 24;

/// So many lines decide how wide columns are. A later one that is too long widens those that are
/// formatted together with it: nobody sees both ends of such a table at once, and formatting every
/// line twice takes twice as long.
const MEASURED: usize = 4096;

/// So many lines are formatted together: system calls do not count then, and they fit in the cache.
const TOGETHER: NonZero<usize> = NonZero::new(1024).unwrap();

/// Writes the table: a header, then a line for each socket, formatted by so many threads.
pub fn write(
    to: &mut dyn Write,
    sockets: &[JudgedRef<'_>],
    style: Style,
    threads: usize,
) -> io::Result<()> {
    let mut columns = columns(style.wide, sockets);
    let mut header = Vec::new();
    line(&mut header, &mut columns, |out, column| {
        column.push(out, column.shows.header().as_bytes());
    });
    to.write_all(&header)?;
    let format = |sockets: &[JudgedRef<'_>]| lines(sockets, columns.clone(), style);
    in_order(sockets, TOGETHER, threads, format, |lines| {
        to.write_all(&lines)
    })?;
    to.flush()
}

fn lines(sockets: &[JudgedRef<'_>], mut columns: Vec<Padded>, style: Style) -> Vec<u8> {
    let width: usize = columns.iter().filter_map(|column| column.width).sum();
    let mut out = Vec::with_capacity(sockets.len() * (width + LAST_COLUMN + GAP * columns.len()));
    let mut cell = Vec::new();
    for judged in sockets {
        line(&mut out, &mut columns, |out, column| {
            cell.clear();
            column.shows.push(&mut cell, judged);
            let color = if style.color {
                color(column.shows, judged)
            } else {
                ""
            };
            out.extend_from_slice(color.as_bytes());
            column.push(out, &cell);
            if !color.is_empty() {
                out.extend_from_slice(RESET.as_bytes());
            }
        });
    }
    out
}

fn line(
    out: &mut Vec<u8>,
    columns: &mut [Padded],
    mut push_cell: impl FnMut(&mut Vec<u8>, &mut Padded),
) {
    for (i, column) in columns.iter_mut().enumerate() {
        if i > 0 {
            pad(out, GAP);
        }
        push_cell(out, column);
    }
    out.push(b'\n');
}

/// A column and its width, `None` for the last: padding it would only wrap lines.
#[derive(Clone, Copy)]
struct Padded {
    shows: Column,
    width: Option<usize>,
}

impl Padded {
    fn widen(&mut self, cell: &[u8]) -> usize {
        let chars = push::chars(cell);
        if let Some(width) = &mut self.width {
            *width = chars.max(*width);
        }
        chars
    }

    fn push(&mut self, out: &mut Vec<u8>, cell: &[u8]) {
        let chars = self.widen(cell);
        let missing = self.width.map_or(0, |width| width - chars);
        if self.shows.is_number() {
            pad(out, missing);
            out.extend_from_slice(cell);
        } else {
            out.extend_from_slice(cell);
            pad(out, missing);
        }
    }
}

fn pad(out: &mut Vec<u8>, spaces: usize) {
    out.resize(out.len() + spaces, b' ');
}

fn columns(wide: bool, sockets: &[JudgedRef<'_>]) -> Vec<Padded> {
    let shown = column::chosen(wide, sockets);
    let last = shown.last().copied();
    let mut columns: Vec<Padded> = shown
        .into_iter()
        .map(|shows| Padded {
            shows,
            width: (Some(shows) != last).then_some(shows.header().len()),
        })
        .collect();
    let mut cell = Vec::new();
    for judged in sockets.iter().take(MEASURED) {
        for column in &mut columns {
            cell.clear();
            column.shows.push(&mut cell, judged);
            column.widen(&cell);
        }
    }
    columns
}

const RESET: &str = "\x1b[0m";
const RED: &str = "\x1b[31m";
const BOLD_RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const DIM: &str = "\x1b[2m";

fn color(column: Column, judged: &JudgedRef<'_>) -> &'static str {
    match column {
        Column::Verdict => match judged.judgement.verdict {
            Some(Verdict::Unprotected) => RED,
            Some(Verdict::Late) => YELLOW,
            Some(Verdict::Protected) => GREEN,
            Some(Verdict::Exempt) | None => DIM,
        },
        Column::Health => match judged.judgement.health {
            Some(Health::Stale) => BOLD_RED,
            Some(Health::Retransmitting | Health::Probing) => RED,
            Some(Health::AtRisk) => YELLOW,
            Some(Health::Ok) => "",
            None => DIM,
        },
        _ => "",
    }
}
