//! Lines for a stdout that is no terminal: one for each change of health.

use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::snapshot::Snapshot;
use crate::policy::{Health, JudgedRef, Selection};
use crate::render::Clock;
use crate::render::column::Column;
use crate::text::push::{self, raw};

/// Health of every socket of the last scan.
#[derive(Debug, Default)]
pub struct HealthChanges {
    known: FxHashMap<u64, Known>,
}

#[derive(Debug)]
struct Known {
    health: Option<Health>,
    /// Selected as it was last.
    is_selected: bool,
    /// Of one that is not well: what to print when it is gone.
    who: Vec<u8>,
}

impl HealthChanges {
    /// Prints what has changed since the last scan; of the first, what is not well.
    ///
    /// # Errors
    /// The output fails.
    pub fn print(
        &mut self,
        snapshot: &Snapshot,
        selection: &Selection,
        clock: Clock,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        let mut out = Vec::new();
        let mut next: FxHashMap<u64, Known> = FxHashMap::default();
        for at in 0..snapshot.sockets.len() {
            let Some(judged) = snapshot.judged(at) else {
                continue;
            };
            let Some(cookie) = judged.socket.cookie else {
                continue;
            };
            if !selection.matches_socket(judged.socket) {
                continue;
            }
            let is_selected = selection.matches_judgement(&judged.judgement);
            let health = judged.judgement.health;
            let before = self.known.remove(&cookie);
            let was = before
                .as_ref()
                .map_or(Some(Health::Ok), |before| before.health);
            let who = if health == Some(Health::Ok) {
                Vec::new()
            } else {
                who(&judged)
            };
            let was_selected = before.as_ref().is_some_and(|before| before.is_selected);
            if was != health && (is_selected || was_selected) {
                let known = before.as_ref().map(|before| before.health);
                line(&mut out, clock, known, &judged);
            }
            let known = Known {
                health,
                is_selected,
                who,
            };
            next.insert(cookie, known);
        }
        let mut gone: Vec<(u64, Known)> = self
            .known
            .drain()
            .filter(|(_, known)| known.is_selected && known.health != Some(Health::Ok))
            .collect();
        gone.sort_unstable_by_key(|(cookie, _)| *cookie);
        for (_, known) in gone {
            time(&mut out, clock);
            raw(&mut out, name(known.health));
            raw(&mut out, " -> gone ");
            out.extend_from_slice(&known.who);
            out.push(b'\n');
        }
        self.known = next;
        to.write_all(&out)?;
        to.flush()
    }
}

fn line(out: &mut Vec<u8>, clock: Clock, was: Option<Option<Health>>, judged: &JudgedRef<'_>) {
    time(out, clock);
    raw(out, was.map_or("new", name));
    raw(out, " -> ");
    raw(out, name(judged.judgement.health));
    out.push(b' ');
    out.extend_from_slice(&who(judged));
    raw(out, " quiet ");
    Column::Quiet.push(out, judged);
    raw(out, " of ");
    Column::Limit.push(out, judged);
    raw(out, ", keepalive ");
    Column::Keepalive.push(out, judged);
    raw(out, ", timer ");
    Column::Timer.push(out, judged);
    out.push(b'\n');
}

/// Owner and ends, escaped.
fn who(judged: &JudgedRef<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    Column::Owner.push(&mut out, judged);
    out.push(b' ');
    push::end(&mut out, judged.socket.local);
    raw(&mut out, " -> ");
    push::end(&mut out, judged.socket.remote);
    out
}

fn time(out: &mut Vec<u8>, clock: Clock) {
    clock.push_time(out);
    out.push(b' ');
}

const fn name(health: Option<Health>) -> &'static str {
    match health {
        Some(health) => health.name(),
        None => "?",
    }
}
