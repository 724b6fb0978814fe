//! Self-check of the hooks on a socket of observer's own, before anything is reported: it proves that
//! they see what is set, by whom, and forget what is gone, and it gives the length of a jiffy.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use observer_common::{EventKind, EventRecord, KeepaliveOption};

use super::queue::event_record;
use super::{Hook, Hooks};
use crate::kernel::calibrate::Calibration;
use crate::kernel::decode::Units;
use crate::kernel::error::KernelError;

/// Longest wait for events. They come at once; this is for a machine that is very busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// Number of options that [`Calibration`] sets.
const OPTIONS: usize = KeepaliveOption::COUNT;

impl Hooks {
    /// Sets options on a socket of our own and reads what the hooks report.
    pub(super) fn check(&mut self) -> Result<(), KernelError> {
        if !self.is_attached(Hook::SetOption) {
            // A socket that listens teaches the hook of the timers what a keepalive timer calls. Where none
            // can be had, the next one on this host does.
            drop(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
            return Ok(());
        }
        self.set_listens(EventKind::Set.bit())?;
        let own = Calibration::new().map_err(KernelError::calibrate)?;
        let reported = self.reports_of(own.cookie)?;
        self.set_listens(0)?;
        self.units = own.check_reported(&reported, self.units)?;
        let cookie = own.cookie;
        drop(own);
        self.check_forgotten(cookie)
    }

    /// Events of our own socket.
    fn reports_of(&mut self, cookie: u64) -> Result<Vec<EventRecord>, KernelError> {
        let mut reported = Vec::with_capacity(OPTIONS);
        let deadline = Instant::now() + PATIENCE;
        while reported.len() < OPTIONS && Instant::now() < deadline {
            let _ready = self
                .poll(Duration::from_millis(5))
                .map_err(|error| KernelError::Events { error })?;
            while let Some(item) = self.events.next() {
                let record = event_record(&item).filter(|record| record.socket.cookie == cookie);
                reported.extend(record);
            }
        }
        Ok(reported)
    }

    /// A closed socket is destroyed by the time that close returns, or shortly after.
    fn check_forgotten(&self, cookie: u64) -> Result<(), KernelError> {
        let deadline = Instant::now() + PATIENCE;
        while self.tracked.iter().any(|socket| socket.cookie == cookie) {
            if Instant::now() > deadline {
                return Err(KernelError::SelfCheck {
                    field: "entry of a closed socket",
                    expected: "removed".to_owned(),
                    found: "still there".to_owned(),
                });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Calibration {
    /// Compares what was reported with what was set.
    fn check_reported(&self, reported: &[EventRecord], units: Units) -> Result<Units, KernelError> {
        let options: Vec<u8> = reported.iter().map(|record| record.option).collect();
        let expected = KeepaliveOption::ALL.map(|option| option as u8);
        let differs = |field, expected: String, found: String| KernelError::SelfCheck {
            field,
            expected,
            found,
        };
        if options != expected {
            return Err(differs(
                "options that the hooks reported",
                format!("{expected:?}"),
                format!("{options:?}"),
            ));
        }
        let mut last = None;
        for record in reported {
            let asked = Self::asked(record.option);
            if u32::try_from(record.asked).ok() != asked || record.errno != 0 {
                return Err(differs(
                    "value and errno of an option set",
                    format!("{asked:?}, 0"),
                    format!("{}, {}", record.asked, record.errno),
                ));
            }
            if record.pid != std::process::id() {
                return Err(differs(
                    "pid of who set it",
                    std::process::id().to_string(),
                    record.pid.to_string(),
                ));
            }
            last = Some(record);
        }
        match last {
            Some(record) => self.check_settings(&record.socket, units),
            None => Ok(units),
        }
    }
}
