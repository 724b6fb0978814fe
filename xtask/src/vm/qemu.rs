//! Boots one guest and reads what it prints.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    initramfs::{BEGIN, END},
    kernels::Kernel,
};

pub(crate) struct Machine<'a> {
    pub(crate) qemu: &'a Path,
    pub(crate) memory_mib: u32,
    pub(crate) timeout: Duration,
    /// Prints what the payload prints, as it comes.
    pub(crate) echo: bool,
}

/// Result of a guest.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Of the tests, by libtest's own summary lines.
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    /// Steps that ended, with the exit code of each.
    pub(crate) ended: Vec<(String, i32)>,
    pub(crate) timed_out: bool,
    pub(crate) elapsed: Duration,
}

impl Machine<'_> {
    /// Runs the guest until it powers off, or the time is over.
    pub(crate) fn boot(&self, kernel: &Kernel, initramfs: &Path, log: &Path) -> Result<Outcome> {
        let started = Instant::now();
        let mut guest = Guest(
            self.command(kernel, initramfs)
                .spawn()
                .with_context(|| format!("cannot run {}", self.qemu.display()))?,
        );
        let output = guest.0.stdout.take().context("the guest has no output")?;
        let mut log = File::create(log)?;
        let mut reader = Reader {
            echo: self.echo,
            ..Reader::default()
        };

        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        loop {
            let left = self.timeout.saturating_sub(started.elapsed());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    let line = String::from_utf8_lossy(&line);
                    let line = line.trim_end_matches('\r');
                    writeln!(log, "{line}")?;
                    reader.line(line);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    reader.outcome.timed_out = true;
                    writeln!(log, "killed: not done after {} s", self.timeout.as_secs())?;
                    break;
                }
            }
        }
        reader.outcome.elapsed = started.elapsed();
        Ok(reader.outcome)
    }

    fn command(&self, kernel: &Kernel, initramfs: &Path) -> Command {
        let mut command = Command::new(self.qemu);
        command
            // KVM is left alone: unmodified kernels hang on some virtual machines' KVM.
            .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"])
            .args(["-m", &self.memory_mib.to_string()])
            .args([
                "-no-reboot",
                "-nic",
                "none",
                "-display",
                "none",
                "-monitor",
                "none",
            ])
            .args(["-serial", "stdio"])
            .arg("-kernel")
            .arg(&kernel.image)
            .arg("-initrd")
            .arg(initramfs)
            // Five levels of page tables cost an emulated walk a fifth more.
            .args([
                "-append",
                "console=ttyS0 quiet loglevel=4 panic=-1 no5lvl mitigations=off \
                 random.trust_cpu=on rcupdate.rcu_cpu_stall_suppress=1",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }
}

/// A guest that does not outlive its owner.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // Fails where the guest has ended by itself, as it should have.
        let _killed = self.0.kill();
        let _status = self.0.wait();
    }
}

#[derive(Default)]
struct Reader {
    echo: bool,
    in_step: bool,
    /// The guest ends a step's output with a line break of its own.
    held_blank: bool,
    outcome: Outcome,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if line.starts_with(BEGIN) {
            self.in_step = true;
            self.held_blank = false;
        } else if let Some((name, code)) = line.strip_prefix(END).and_then(|l| l.split_once(' ')) {
            self.in_step = false;
            let code = code.parse().unwrap_or(-1);
            self.outcome.ended.push((name.to_owned(), code));
        } else if self.in_step {
            if let Some((passed, failed)) = summary(line) {
                self.outcome.passed += passed;
                self.outcome.failed += failed;
            }
            // Lines that begin so are for xtask.
            if self.echo && !line.starts_with("@@observer-") {
                if std::mem::take(&mut self.held_blank) {
                    println!();
                }
                if line.is_empty() {
                    self.held_blank = true;
                } else {
                    println!("{line}");
                }
            }
        }
    }
}

/// Reads libtest's `test result: ok. 12 passed; 0 failed; …`.
fn summary(line: &str) -> Option<(u32, u32)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = counts.split("; ").map(|count| {
        let (number, _) = count.split_once(' ')?;
        number.parse().ok()
    });
    Some((counts.next()??, counts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_lines_become_an_outcome() {
        let mut reader = Reader::default();
        for line in [
            "test result: ok. 99 passed; 0 failed; printed before the step",
            "@@observer-begin parity",
            "test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            "",
            "@@observer-end parity 101",
        ] {
            reader.line(line);
        }
        let Outcome {
            passed,
            failed,
            ended,
            ..
        } = reader.outcome;
        assert_eq!((passed, failed), (12, 1));
        assert_eq!(ended, [("parity".to_owned(), 101)]);
    }
}
