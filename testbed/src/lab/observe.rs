//! Runs `observer list` again and again, and `observer watch` beside it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::IpAddr,
    path::Path,
    process::Command,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Instant,
};

use anyhow::{Context as _, Result};
use xtask::env;

use super::{
    middlebox::SERVER,
    observations::{self, During, Sample},
    plan::Plan,
};

/// Priority before other work of the machine: a scan that waits for its turn comes too late.
const FIRST: [&str; 3] = ["nice", "-n", "-15"];

/// Command of `observer watch`.
pub(super) fn watch(plan: &Plan) -> Vec<String> {
    let interval = format!("{}ms", plan.interval().as_millis());
    let path = format!("{}s", plan.observer_limit_s);
    let words = ["watch", "--interval", &interval, "--path", &path];
    let mut command: Vec<_> = FIRST.map(str::to_owned).into();
    command.push(plan.observer.to_string_lossy().into_owned());
    command.extend(words.map(str::to_owned));
    command.extend(["--no-hooks", "--remote", SERVER].map(str::to_owned));
    command
}

/// Lists the connections to the server until `end` closes; all samples, oldest first.
pub(super) fn list_repeatedly(
    plan: &Plan,
    began: Instant,
    end: &Receiver<()>,
) -> Result<Vec<Sample>> {
    let remote: IpAddr = SERVER.parse()?;
    let path = format!("{}s", plan.observer_limit_s);
    let [nice, priority @ ..] = FIRST;
    let mut samples = Vec::new();
    loop {
        let from = Instant::now();
        let mut list = Command::new(nice);
        list.args(priority).arg(&plan.observer);
        list.args(["list", "--output", "json", "--path", &path]);
        let document = env::stdout(list.args(["--remote", SERVER]))?;
        let during = During {
            from_s: from.duration_since(began).as_secs_f64(),
            to_s: began.elapsed().as_secs_f64(),
        };
        samples.extend(observations::samples(&document, during, remote)?);
        let rest = plan.interval().saturating_sub(from.elapsed());
        if end.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
            return Ok(samples);
        }
    }
}

/// Output of a process in a file, line by line with the time.
pub(super) struct Lines {
    file: BufReader<File>,
    begun: String,
    pub(super) read: Vec<(f64, String)>,
}

impl Lines {
    pub(super) fn of(file: &Path) -> Result<Self> {
        let file = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
        Ok(Self {
            file: BufReader::new(file),
            begun: String::new(),
            read: Vec::new(),
        })
    }

    /// Takes in what is there by now.
    pub(super) fn read(&mut self, now_s: f64) -> Result<()> {
        while self.file.read_line(&mut self.begun)? > 0 && self.begun.ends_with('\n') {
            let line = std::mem::take(&mut self.begun);
            self.read.push((now_s, line.trim_end().to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_line_comes_when_it_is_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut lines = Lines::of(file.path()).unwrap();
        lines.read(1.0).unwrap();
        file.write_all(b"one\ntw").unwrap();
        lines.read(2.0).unwrap();
        assert_eq!(lines.read, [(2.0, "one".to_owned())]);
        file.write_all(b"o\n").unwrap();
        lines.read(3.0).unwrap();
        assert_eq!(lines.read[1..], [(3.0, "two".to_owned())]);
    }
}
