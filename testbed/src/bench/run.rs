//! Times one process from start to end.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    mem::MaybeUninit,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::{host, interrupt, stat::rounded};

/// Cost of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) took_ms: f64,
    pub(super) user_ms: f64,
    pub(super) system_ms: f64,
    pub(super) peak_rss_kib: u64,
    /// Lines that it printed.
    pub(super) lines: usize,
    /// CPU time of everything else on the host meanwhile.
    pub(super) others_ms: f64,
}

/// A folder in memory for what the commands print: a disk's late writes would disturb the next run.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        // Several may live at once.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let shm = Path::new("/dev/shm");
        let parent = if shm.is_dir() {
            shm.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        let folder = parent.join(interrupt::name(&format!("-{number}")));
        fs::create_dir(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// Runs a command to its end; `heads` gets the beginning of what it printed, and what it wrote to stderr
    /// on stderr.
    pub(super) fn run(&self, words: &[&str]) -> Result<(Run, Heads)> {
        let (program, args) = words.split_first().context("no command")?;
        let shown = words.join(" ");
        let mut stdout = self.file("stdout")?;
        let mut stderr = self.file("stderr")?;
        let mut command = Command::new(program);
        command
            .args(args)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?);

        let busy_before_ms = host::busy_ms()?;
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {shown}"))?;
        let (status, usage) = wait(child)?;
        let took = started.elapsed();
        let busy_ms = host::busy_ms()? - busy_before_ms;

        stdout.rewind()?;
        stderr.rewind()?;
        let mut heads = Heads::default();
        (&stderr)
            .take(HEAD_BYTES)
            .read_to_string(&mut heads.stderr)?;
        if status != 0 {
            bail!("{shown} failed (wait status {status}): {}", heads.stderr);
        }
        let lines = count_lines(&mut stdout, &mut heads.stdout)?;
        let user_ms = milliseconds(usage.ru_utime);
        let system_ms = milliseconds(usage.ru_stime);
        let run = Run {
            took_ms: rounded(took.as_secs_f64() * 1000.0),
            user_ms,
            system_ms,
            peak_rss_kib: u64::try_from(usage.ru_maxrss)?,
            lines,
            others_ms: rounded(busy_ms - user_ms - system_ms),
        };
        Ok((run, heads))
    }

    /// Writes a file that is there as long as the folder, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.0.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }

    fn file(&self, name: &str) -> Result<File> {
        let file = self.0.join(name);
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&file)
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

const HEAD_BYTES: u64 = 64 * 1024;

/// The beginning of what a command printed.
#[derive(Default)]
pub(super) struct Heads {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

/// Waits for a child, for what it cost: its wait status and its own resources.
fn wait(child: Child) -> Result<(i32, libc::rusage)> {
    let pid = i32::try_from(child.id())?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    loop {
        // SAFETY: both pointers are to locals that are large enough, and `child` was not waited
        // for, so that the pid is its own.
        let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
        if waited == pid {
            // SAFETY: wait4 succeeded, which fills it.
            return Ok((status, unsafe { usage.assume_init() }));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error).context("cannot wait for a command");
        }
    }
}

fn milliseconds(time: libc::timeval) -> f64 {
    let whole = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    let rest = Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0));
    rounded((whole + rest).as_secs_f64() * 1000.0)
}

fn count_lines(file: &mut File, head: &mut Vec<u8>) -> Result<usize> {
    let mut lines = 0;
    let mut buffer = vec![0; usize::try_from(HEAD_BYTES)?];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else {
            return Ok(lines);
        };
        if head.is_empty() {
            head.extend_from_slice(chunk);
        }
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
    }
}
