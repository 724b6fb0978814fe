//! The last connection: it falls silent while all the load is on, and both sinks have to hear of it,
//! and of its end.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    load::{LAST_PORT, STALE_AFTER},
    shared::SERVER,
    stage::Stage,
};

/// Who waits for no sample asks this often.
const NAP: Duration = Duration::from_millis(50);
/// A sink that was down is tried again in much less.
const PATIENCE: Duration = Duration::from_secs(70);
/// Unlike that of being at risk, this one goes on until the connection ends: a sink that was down does
/// not miss it.
const NAME: &str = "KeepaliveStale";

pub(super) struct Last {
    address: SocketAddr,
    ends: Option<(TcpStream, TcpStream)>,
    connected: Instant,
    closed: Option<Instant>,
}

impl Last {
    pub(super) fn connect(stage: &Stage) -> Result<Self> {
        let address = SocketAddr::from((SERVER, LAST_PORT));
        let listener = stage.cable.far.inside(|| Ok(TcpListener::bind(address)?))?;
        let client = stage.cable.near.inside(|| Ok(TcpStream::connect(address)?));
        let client = client.context("the last connection")?;
        let (server, _) = listener.accept()?;
        Ok(Self {
            address,
            ends: Some((client, server)),
            connected: Instant::now(),
            closed: None,
        })
    }

    /// Ends the connection when both sinks have heard of it.
    pub(super) fn step(&mut self, stage: &Stage) {
        if self.closed.is_none() && self.heard(stage, false) {
            drop(self.ends.take());
            self.closed = Some(Instant::now());
        }
    }

    fn heard(&self, stage: &Stage, is_over: bool) -> bool {
        let times = self.times(stage, is_over);
        times.iter().all(Option::is_some)
    }

    fn times(&self, stage: &Stage, is_over: bool) -> [Option<Instant>; 2] {
        let remote = self.address.to_string();
        let sinks = stage.sinks.each_ref();
        sinks.map(|sink| sink.told_at(NAME, &remote, is_over))
    }

    /// Waits until all was heard: seconds from crossing to alert and from end to end, by each sink.
    /// What was not heard is no number.
    pub(super) fn told_s(mut self, stage: &Stage) -> Result<[[f64; 2]; 2]> {
        let began = Instant::now();
        while !(self.closed.is_some() && self.heard(stage, true)) && began.elapsed() < PATIENCE {
            stage.check()?;
            self.step(stage);
            sleep(NAP);
        }
        let crossed = self.connected + STALE_AFTER;
        let after = |told: Option<Instant>, since: Option<Instant>| match (told, since) {
            (Some(told), Some(since)) => told.saturating_duration_since(since).as_secs_f64(),
            _ => f64::NAN,
        };
        let [fired, fired_late] = self
            .times(stage, false)
            .map(|told| after(told, Some(crossed)));
        let [ended, ended_late] = self.times(stage, true).map(|told| after(told, self.closed));
        Ok([[fired, ended], [fired_late, ended_late]])
    }
}
