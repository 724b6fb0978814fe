//! What the hooks cost: connections and bare system calls with nothing attached, with observer, and
//! with the BCC project's tcpstates and tcplife, in turn; and each hook by the kernel's own count.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::env;

#[derive(clap::Args)]
pub(super) struct HooksArgs {
    /// Connections made and closed for one measurement
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    connections: u32,
    /// System calls for one measurement
    #[arg(long, value_name = "N", default_value_t = 3_000_000)]
    calls: u32,
    /// How often each tool is measured, in turn with the others
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(super) rounds: usize,
    /// Do it in an emulated guest with this kernel, such as 6.12
    #[arg(long, value_name = "SERIES")]
    pub(super) guest: Option<String>,
}

impl HooksArgs {
    /// The same for xtask in a guest, which is some twenty times slower.
    pub(super) fn words_in_guest(&self) -> Vec<String> {
        let numbers = [
            ("--connections", self.connections / 10),
            ("--calls", self.calls / 3),
        ];
        let rounds = u32::try_from(self.rounds).unwrap_or(1);
        numbers
            .into_iter()
            .chain([("--rounds", rounds)])
            .flat_map(|(flag, number)| [flag.to_owned(), number.to_string()])
            .collect()
    }
}

/// Debian's package of the BCC project's tools, and those that follow connections as observer does.
pub(super) const PACKAGE: &str = "libbpf-tools";
pub(super) const OTHERS: [&str; 2] = ["tcpstates", "tcplife"];

/// Nanoseconds for one operation.
#[derive(Clone, Copy)]
struct Cost {
    connection: f64,
    call: f64,
}

struct Tool {
    name: &'static str,
    words: Vec<String>,
}

pub(super) fn measure(args: &HooksArgs, observer: &Path) -> Result<()> {
    if args.rounds == 0 {
        bail!("--rounds must be at least 1");
    }
    let tools = tools(observer)?;
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); tools.len()];
    for _ in 0..args.rounds {
        for (tool, costs) in tools.iter().zip(&mut costs) {
            let running = Running::start(tool)?;
            let cost = workload(args)?;
            drop(running);
            costs.push(cost);
        }
    }
    println!("| attached | connect and close | against none | getppid | against none |");
    println!("|---|---|---|---|---|");
    let none = costs.first().context("nothing was measured")?.clone();
    for (tool, costs) in tools.iter().zip(&costs) {
        let ratio = |of: fn(&Cost) -> f64| {
            let pairs = costs.iter().zip(&none);
            (median(pairs.map(|(cost, none)| of(cost) / of(none)).collect()) - 1.0) * 100.0
        };
        println!(
            "| {} | {:.1} µs | {:+.1} % | {:.1} ns | {:+.1} % |",
            tool.name,
            median(costs.iter().map(|cost| cost.connection).collect()) / 1000.0,
            ratio(|cost| cost.connection),
            median(costs.iter().map(|cost| cost.call).collect()),
            ratio(|cost| cost.call),
        );
    }
    println!();
    by_hook(args, tools.get(2).context("no observer")?)
}

fn tools(observer: &Path) -> Result<Vec<Tool>> {
    let mut tools = vec![
        Tool {
            name: "none",
            words: Vec::new(),
        },
        observer_trace(
            observer,
            "observer trace --kind probe",
            &["--kind", "probe"],
        ),
        observer_trace(observer, "observer trace", &[]),
    ];
    for name in OTHERS {
        match env::find_program(name) {
            Some(program) => tools.push(Tool {
                name,
                words: vec![program.display().to_string()],
            }),
            None => {
                println!("{name} is not measured: it is not on PATH (Debian package {PACKAGE})")
            }
        }
    }
    Ok(tools)
}

/// Of probes there are none: all that observer remembers is kept up, and nothing is told.
fn observer_trace(observer: &Path, name: &'static str, args: &[&str]) -> Tool {
    let program = observer.display().to_string();
    let words = [program.as_str(), "trace", "-o", "jsonl"];
    Tool {
        name,
        words: words
            .iter()
            .chain(args)
            .map(|word| (*word).to_owned())
            .collect(),
    }
}

/// A tool that runs; ended when dropped.
struct Running(Option<Child>);

/// The BCC tools do not say when they have attached.
const SETTLE: Duration = Duration::from_secs(3);

impl Running {
    fn start(tool: &Tool) -> Result<Self> {
        let Some((program, args)) = tool.words.split_first() else {
            return Ok(Self(None));
        };
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let (ready, is_ready) = mpsc::channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if line.starts_with("observer: tracing") {
                    // Nobody waits any more where that took too long.
                    let _waited_for = ready.send(());
                }
            }
        });
        if tool.name.starts_with("observer") {
            is_ready
                .recv_timeout(Duration::from_secs(60))
                .context("observer did not say that it traces")?;
        } else {
            thread::sleep(SETTLE);
        }
        if let Some(status) = child.try_wait()? {
            bail!("{program} ended at once: {status}");
        }
        Ok(Self(Some(child)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

fn workload(args: &HooksArgs) -> Result<Cost> {
    let connection = connections(args.connections)?;
    let begun = Instant::now();
    for _ in 0..args.calls {
        // SAFETY: no arguments, cannot fail.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
    Ok(Cost {
        connection,
        call: each(begun, args.calls),
    })
}

fn each(begun: Instant, times: u32) -> f64 {
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(times.max(1))
}

/// Connects and closes, both ends in this thread; the client resets, so that no port stays in
/// TIME_WAIT.
fn connections(times: u32) -> Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let begun = Instant::now();
    for _ in 0..times {
        let client = TcpStream::connect(address)?;
        let (server, _) = listener.accept()?;
        reset_on_close(&client)?;
        drop(client);
        drop(server);
    }
    Ok(each(begun, times))
}

fn reset_on_close(stream: &TcpStream) -> Result<()> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    set(stream, libc::SOL_SOCKET, libc::SO_LINGER, &linger)
}

fn set<T>(stream: &TcpStream, level: i32, name: i32, value: &T) -> Result<()> {
    let size = libc::socklen_t::try_from(size_of::<T>())?;
    // SAFETY: the value lives as long as the call.
    let failed = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            size,
        )
    };
    if failed != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    Ok(())
}

const STATISTICS: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// What each program took by the kernel's statistics, which cost a little themselves.
fn by_hook(args: &HooksArgs, observer: &Tool) -> Result<()> {
    let running = Running::start(observer)?;
    let before = fs::read_to_string(STATISTICS)?;
    fs::write(STATISTICS, "1")?;
    let measured = options(args.connections).and_then(|()| connections(args.connections));
    let programs = env::stdout(Command::new("bpftool").args(["--json", "prog", "show"]));
    fs::write(STATISTICS, before.trim())?;
    drop(running);
    measured?;
    let programs: serde_json::Value = serde_json::from_str(&programs?)?;
    println!("| program | runs | ns a run |");
    println!("|---|---|---|");
    for program in programs.as_array().into_iter().flatten() {
        let number = |key| program.get(key).and_then(serde_json::Value::as_f64);
        let name = program.get("name").and_then(serde_json::Value::as_str);
        if let (Some(name), Some(runs), Some(took_ns)) =
            (name, number("run_cnt"), number("run_time_ns"))
            && ["life_", "accept", "set_", "timer_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        {
            println!("| {name} | {runs} | {:.0} |", took_ns / runs.max(1.0));
        }
    }
    Ok(())
}

/// Sets SO_KEEPALIVE as often.
fn options(times: u32) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    for n in 0..times {
        let on = libc::c_int::from(n % 2 == 0);
        set(&client, libc::SOL_SOCKET, libc::SO_KEEPALIVE, &on)?;
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
