//! The last connection: it falls silent while all the load is on, and both sinks have to get its alert,
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

/// Time between two polls where no sample is awaited.
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

    /// Ends the connection when both sinks have its alert.
    pub(super) fn step(&mut self, stage: &Stage) {
        if self.closed.is_none() && self.received(stage, false) {
            drop(self.ends.take());
            self.closed = Some(Instant::now());
        }
    }

    fn received(&self, stage: &Stage, is_over: bool) -> bool {
        let times = self.times(stage, is_over);
        times.iter().all(Option::is_some)
    }

    fn times(&self, stage: &Stage, is_over: bool) -> [Option<Instant>; 2] {
        let remote = self.address.to_string();
        let sinks = stage.sinks.each_ref();
        sinks.map(|sink| sink.seen_at(NAME, &remote, is_over))
    }

    /// Waits until all alerts were received: seconds from crossing to alert and from end to end, by each sink.
    /// A time that was not seen is no number.
    pub(super) fn alerted_s(mut self, stage: &Stage) -> Result<[[f64; 2]; 2]> {
        let began = Instant::now();
        while !(self.closed.is_some() && self.received(stage, true)) && began.elapsed() < PATIENCE {
            stage.check()?;
            self.step(stage);
            sleep(NAP);
        }
        let crossed = self.connected + STALE_AFTER;
        let after = |seen: Option<Instant>, since: Option<Instant>| match (seen, since) {
            (Some(seen), Some(since)) => seen.saturating_duration_since(since).as_secs_f64(),
            _ => f64::NAN,
        };
        let [fired, fired_late] = self
            .times(stage, false)
            .map(|seen| after(seen, Some(crossed)));
        let [ended, ended_late] = self.times(stage, true).map(|seen| after(seen, self.closed));
        Ok([[fired, ended], [fired_late, ended_late]])
    }
}
