//! Tools that attach to the kernel and follow connections: observer, and those that people use today.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Sender},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use xtask::env;

use super::{agent::usage::Usage, host};

/// Debian's package of the BCC project's tools without a compiler.
pub(super) const PACKAGE: &str = "libbpf-tools";
pub(super) const OTHERS: [&str; 2] = ["tcpstates", "tcplife"];
/// Debian's package of those that compile themselves when they start.
pub(super) const COMPILED_PACKAGE: &str = "bpfcc-tools";
const COMPILED: &str = "tcplife-bpfcc";

/// Something that runs meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// None for nothing at all.
    words: Vec<String>,
    ready: Ready,
}

/// Sign by which a tool is known to be attached.
#[derive(Debug, Clone, Copy)]
enum Ready {
    /// It prints these words on stderr.
    Stderr(&'static str),
    /// It prints a header once it has, which begins with this word.
    Prints(&'static str),
    /// It gives no sign.
    Silent,
}

/// A tool that is not measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Absent {
    pub(super) name: String,
    pub(super) why: String,
}

/// With nothing attached, which all others are compared with.
pub(super) const NONE: &str = "none";
pub(super) const TRACE: &str = "observer trace";
const SETTLE: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(60);

/// Tools that can be measured here, nothing attached first, and those that cannot.
pub(super) fn tools(observer: &Path) -> (Vec<Tool>, Vec<Absent>) {
    let mut tools = vec![
        Tool {
            name: NONE,
            words: Vec::new(),
            ready: Ready::Silent,
        },
        trace(
            observer,
            "observer trace --kind probe",
            &["--kind", "probe"],
        ),
        trace(observer, TRACE, &[]),
    ];
    let mut absent = Vec::new();
    for (name, package, ready) in [
        (OTHERS[0], PACKAGE, Ready::Silent),
        (OTHERS[1], PACKAGE, Ready::Silent),
        (COMPILED, COMPILED_PACKAGE, Ready::Prints("PID")),
    ] {
        match usable(name, package, ready) {
            Ok(tool) => tools.push(tool),
            Err(why) => absent.push(Absent {
                name: name.to_owned(),
                why: format!("{why:#}"),
            }),
        }
    }
    (tools, absent)
}

/// Of probes there are none: sockets are tracked, and no event is reported.
fn trace(observer: &Path, name: &'static str, args: &[&str]) -> Tool {
    let program = observer.display().to_string();
    let words = [program.as_str(), "trace", "-o", "jsonl"];
    let words = words.iter().chain(args);
    Tool {
        name,
        words: words.map(|word| (*word).to_owned()).collect(),
        ready: Ready::Stderr("observer: tracing"),
    }
}

/// Tries another project's tool.
fn usable(name: &'static str, package: &str, ready: Ready) -> Result<Tool> {
    let Some(program) = env::find_program(name) else {
        if host::is_guest() {
            bail!("not in the guest: it needs a compiler and the kernel's headers");
        }
        bail!("it is not on PATH (Debian package {package})");
    };
    let tool = Tool {
        name,
        words: vec![program.display().to_string()],
        ready,
    };
    drop(Running::start(&tool)?);
    Ok(tool)
}

/// A tool that runs; ended when dropped.
pub(super) struct Running(Option<Child>);

impl Running {
    pub(super) fn start(tool: &Tool) -> Result<Self> {
        let Some((program, args)) = tool.words.split_first() else {
            return Ok(Self(None));
        };
        let stdout = match tool.ready {
            Ready::Prints(_) => Stdio::piped(),
            _ => Stdio::null(),
        };
        let child = Command::new(program)
            .args(args)
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        // From here on it is ended whatever happens.
        let mut running = Self(Some(child));
        running.wait_until_ready(tool)?;
        Ok(running)
    }

    fn wait_until_ready(&mut self, tool: &Tool) -> Result<()> {
        let child = self.0.as_mut().context("nothing runs")?;
        let (ready, is_ready) = mpsc::channel();
        let lines = Arc::default();
        let stderr = child.stderr.take().context("no stderr")?;
        let stdout = child.stdout.take();
        match tool.ready {
            Ready::Stderr(words) => listen(stderr, Some((words, ready)), &lines),
            Ready::Prints(word) => {
                listen(stderr, None, &lines);
                listen(stdout.context("no stdout")?, Some((word, ready)), &lines);
            }
            Ready::Silent => listen(stderr, None, &lines),
        }
        let is_attached = match tool.ready {
            Ready::Silent => {
                thread::sleep(SETTLE);
                true
            }
            // Where it ends, nobody is left to report that it is ready.
            _ => is_ready.recv_timeout(LONGEST).is_ok(),
        };
        let ended = child.try_wait()?;
        if is_attached && ended.is_none() {
            return Ok(());
        }
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        bail!("it does not attach here: {}", reason(&lines));
    }

    /// CPU time of the tool itself, in seconds; of none where nothing runs.
    pub(super) fn cpu_s(&self) -> Result<Option<f64>> {
        let usage = self.0.as_ref().map(|child| Usage::of(child.id()));
        Ok(usage.transpose()?.map(|usage| usage.cpu_s))
    }

    /// The ids of the BPF programs that the tool holds.
    pub(super) fn program_ids(&self) -> Vec<u64> {
        let Some(child) = &self.0 else {
            return Vec::new();
        };
        let folder = format!("/proc/{}/fdinfo", child.id());
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        // A descriptor may be closed meanwhile.
        let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
        texts.filter_map(|text| program_id(&text)).collect()
    }
}

/// Of a descriptor's `fdinfo`.
fn program_id(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix("prog_id:")?.trim().parse().ok())
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

/// Reads to the end, so that the tool never waits; reports the first line that begins with the
/// words.
fn listen(
    from: impl Read + Send + 'static,
    mut ready: Option<(&'static str, Sender<()>)>,
    lines: &Arc<Mutex<Vec<String>>>,
) {
    const MOST: usize = 20;
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if let Some((_, ready)) = ready.take_if(|(words, _)| line.starts_with(*words)) {
                // Nobody waits any more where that took too long.
                let _waited_for = ready.send(());
            }
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() < MOST {
                lines.push(line);
            }
        }
    });
}

/// Line of an error message that has the reason.
fn reason(lines: &[String]) -> String {
    let is_error = |line: &&String| {
        let line = line.to_lowercase();
        ["error", "unable", "no such file"]
            .iter()
            .any(|word| line.contains(word))
    };
    let found = lines.iter().find(is_error).or(lines.last());
    found.map_or_else(
        || "it prints nothing".to_owned(),
        |line| line.trim().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, ready: Ready) -> Tool {
        Tool {
            name: "sh",
            words: ["sh", "-c", script].map(str::to_owned).into(),
            ready,
        }
    }

    #[test]
    fn a_tool_is_ready_when_it_says_so_and_ended_with_its_reason() {
        let ready = Ready::Stderr("attached");
        let tool = shell("echo attached >&2; exec sleep 60", ready);
        let running = Running::start(&tool).unwrap();
        assert!(running.cpu_s().unwrap().is_some());
        drop(running);
        let tool = shell(
            "echo warming; echo Unable to attach >&2; exit 3",
            Ready::Stderr("attached"),
        );
        let error = Running::start(&tool).err().unwrap().to_string();
        assert!(error.contains("Unable to attach"), "{error}");
    }

    #[test]
    fn the_line_that_says_what_is_wrong_is_found() {
        let lines = ["modprobe: gone", "Unable to find headers", "Traceback"].map(str::to_owned);
        assert_eq!(reason(&lines), "Unable to find headers");
        assert_eq!(reason(&[]), "it prints nothing");
    }

    #[test]
    fn programs_are_found_among_descriptors() {
        let text = "pos:\t0\nflags:\t02\nprog_type:\t17\nprog_id:\t4711\n";
        assert_eq!(program_id(text), Some(4711));
        assert_eq!(program_id("pos:\t0\nmap_id:\t3\n"), None);
        assert!(Running(None).program_ids().is_empty());
    }
}
