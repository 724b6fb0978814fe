//! Faults of real hosts: no permission, no BTF, hostile names, processes that vanish.
//! Each gets a clear message, the right exit code, and what can still be shown.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod kit;

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use kit::options::inheritable;
use kit::sockets::Pair;
use kit::{Need, has_iterators, iterators, require};

const BTF: &str = "/sys/kernel/btf/vmlinux";

fn observer() -> Command {
    let binary = std::env::var_os("OBSERVER_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_observer")),
        PathBuf::from,
    );
    let mut command = Command::new(binary);
    // Loopback only: everything is exempt, and the configuration of the machine plays no part.
    command
        .env_remove("OBSERVER_PATH")
        .env_remove("OBSERVER_CONFIG");
    command
}

/// Values of `--scan` on this kernel.
fn scans() -> &'static [&'static str] {
    if has_iterators() {
        &["bpf", "diag"]
    } else {
        &["diag"]
    }
}

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(command: &mut Command) -> Ended {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Ended {
        code: status.code(),
        stdout: String::from_utf8(stdout).expect("output is UTF-8 whatever the names are"),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Runs in a mount namespace of its own, after `prepare` has changed it.
fn run_with_mounts(
    arguments: &[&str],
    prepare: impl Fn() -> bool + Send + Sync + 'static,
) -> Ended {
    let mut command = observer();
    command.args(arguments);
    // SAFETY: system calls only; `prepare` allocates nothing.
    unsafe {
        command.pre_exec(move || {
            let private = libc::MS_REC | libc::MS_PRIVATE;
            let null = std::ptr::null();
            if libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(null, c"/".as_ptr(), null, private, null.cast()) == 0
                && prepare()
            {
                return Ok(());
            }
            Err(std::io::Error::last_os_error())
        });
    }
    run(&mut command)
}

fn hide_btf() -> bool {
    // SAFETY: constant strings.
    unsafe {
        let tmpfs = c"tmpfs".as_ptr();
        libc::mount(
            tmpfs,
            c"/sys/kernel/btf".as_ptr(),
            tmpfs,
            0,
            std::ptr::null(),
        ) == 0
    }
}

#[test]
fn without_btf_the_scan_is_by_diag_and_says_so() {
    if !require([Need::Root]) {
        return;
    }
    let pair = Pair::new();
    let port = pair.client.local_addr().unwrap().port().to_string();
    let forced = run_with_mounts(&["list", "--scan", "bpf"], hide_btf);
    assert_eq!(forced.code, Some(1), "{}", forced.stderr);
    assert!(forced.stderr.contains(BTF), "{}", forced.stderr);
    assert_eq!(forced.stderr.matches("cannot read").count(), 1, "said once");
    assert!(
        forced.stderr.contains("CONFIG_DEBUG_INFO_BTF"),
        "{}",
        forced.stderr
    );
    assert_eq!(forced.stdout, "");
    let chosen = run_with_mounts(&["list", "--port", &port], hide_btf);
    assert_eq!(chosen.code, Some(0), "{}", chosen.stderr);
    assert!(chosen.stdout.contains(&port), "{}", chosen.stdout);
    assert_eq!(
        chosen.stderr.matches("sock_diag, because").count(),
        1,
        "{}",
        chosen.stderr
    );
}

#[test]
fn truncated_btf_is_named() {
    if !require([Need::Root, iterators()]) {
        return;
    }
    let mut head = vec![0; 100_000];
    std::fs::File::open(BTF)
        .unwrap()
        .read_exact(&mut head)
        .unwrap();
    let path = std::env::temp_dir().join(format!("btf-{}", std::process::id()));
    std::fs::write(&path, &head).unwrap();
    let source = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    let ended = run_with_mounts(&["list", "--scan", "bpf"], move || {
        let target = c"/sys/kernel/btf/vmlinux".as_ptr();
        let null = std::ptr::null();
        // SAFETY: both paths outlive the call.
        unsafe { libc::mount(source.as_ptr(), target, null, libc::MS_BIND, null.cast()) == 0 }
    });
    std::fs::remove_file(path).unwrap();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("cut off"), "{}", ended.stderr);
}

#[test]
fn an_ordinary_user_sees_his_own_and_hears_what_is_missing() {
    if !require([Need::Root]) {
        return;
    }
    let nobody = |arguments: &[&str]| {
        let mut command = observer();
        command.args(arguments).uid(65534).gid(65534);
        run(&mut command)
    };
    // An address of its own: other tests may come to use the same port.
    let listener = TcpListener::bind("127.0.0.79:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let listed = nobody(&["list", "--remote", "127.0.0.79", "-o", "wide"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert_eq!(listed.stdout.lines().count(), 2, "{}", listed.stdout);
    assert!(listed.stdout.contains('?'), "{}", listed.stdout);
    assert!(listed.stderr.contains("root"), "{}", listed.stderr);
    let forced = nobody(&["list", "--scan", "bpf"]);
    assert_eq!(forced.code, Some(1), "{}", forced.stderr);
    if has_iterators() {
        assert!(forced.stderr.contains("CAP_BPF"), "{}", forced.stderr);
    }
}

/// A name with an escape sequence, a newline and invalid UTF-8 reaches no terminal raw.
#[test]
fn hostile_names_are_escaped() {
    if !require([Need::Root]) {
        return;
    }
    let remote = Ipv4Addr::new(127, 0, 0, 81);
    let _pair = Pair::to(remote);
    // SAFETY: the child makes two system calls and ends.
    let child = unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::prctl(libc::PR_SET_NAME, c"\x1b[31mred\nx\"\xff\t".as_ptr());
            libc::alarm(60);
            libc::pause();
            libc::_exit(0);
        }
        child
    };
    assert!(child > 0);
    std::thread::sleep(std::time::Duration::from_millis(50));
    let pid = child.to_string();
    for scan in scans() {
        for output in ["table", "wide", "json", "jsonl"] {
            let mut command = observer();
            command.args(["list", "--scan", scan, "--pid", &pid, "-o", output]);
            command.args(["--remote", &remote.to_string(), "--color", "never"]);
            let ended = run(&mut command);
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            assert!(
                ended.stdout.contains("red"),
                "{scan} {output}: {}",
                ended.stdout
            );
            let raw = ended.stdout.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(raw, None, "{scan} {output}");
            if output == "jsonl" {
                let lines: Vec<&str> = ended.stdout.lines().collect();
                let [line] = lines[..] else {
                    panic!("{scan}: one end connected to {remote}: {lines:?}");
                };
                let socket: serde_json::Value = serde_json::from_str(line).unwrap();
                let comm = socket["owners"][0]["comm"].as_str().unwrap();
                assert_eq!(comm, "\u{1b}[31mred\nx\"\u{fffd}\t");
            }
        }
    }
    // SAFETY: our own child.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
}

#[test]
fn a_closed_pipe_is_success() {
    if !require([Need::Root]) {
        return;
    }
    let pairs: Vec<Pair> = (0..200).map(|_| Pair::new()).collect();
    for output in ["table", "jsonl"] {
        let mut command = observer();
        command
            .args(["list", "-o", output])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{output}");
        assert_eq!(
            String::from_utf8_lossy(&ended.stderr)
                .matches("panicked")
                .count(),
            0
        );
    }
    drop(pairs);
}

/// Children that hold the connection die while scans run.
#[test]
fn processes_that_die_during_the_scan() {
    if !require([Need::Root]) {
        return;
    }
    // An address of its own: other tests may come to use the same port.
    let listener = TcpListener::bind("127.0.0.78:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    inheritable(&client);
    for scan in scans() {
        let mut dying: Vec<_> = (0..30)
            .map(|n| {
                Command::new("sleep")
                    .arg(format!("0.{n:02}"))
                    .spawn()
                    .unwrap()
            })
            .collect();
        for _ in 0..5 {
            let mut command = observer();
            let ended = run(command.args([
                "list",
                "--scan",
                scan,
                "--remote",
                "127.0.0.78",
                "-o",
                "jsonl",
            ]));
            assert_eq!(ended.code, Some(0), "{scan}: {}", ended.stderr);
            assert_eq!(ended.stdout.lines().count(), 1, "{scan}: {}", ended.stdout);
        }
        for child in &mut dying {
            child.wait().unwrap();
        }
    }
}

/// One process with as many descriptors as this machine's limit of 20,000 allows.
#[test]
fn twenty_thousand_descriptors_in_one_process() {
    if !require([Need::Root]) {
        return;
    }
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let room = limit.maximum.unwrap_or(20_000).min(20_000) - 200;
    let listener = TcpListener::bind("127.0.0.77:0").unwrap();
    let address = listener.local_addr().unwrap();
    let held: Vec<(TcpStream, TcpStream)> = (0..room / 2)
        .map(|_| {
            let client = TcpStream::connect(address).unwrap();
            (client, listener.accept().unwrap().0)
        })
        .collect();
    let own = std::process::id().to_string();
    for scan in scans() {
        let mut command = observer();
        command.args([
            "list",
            "--scan",
            scan,
            "--pid",
            &own,
            "--local",
            "127.0.0.77",
        ]);
        let ended = run(command.args(["-o", "jsonl"]));
        assert_eq!(ended.code, Some(0), "{scan}: {}", ended.stderr);
        assert_eq!(ended.stdout.lines().count(), held.len(), "{scan}");
    }
}

/// With the capabilities that the README names, and no others, an ordinary user scans by bpf.
#[test]
fn two_capabilities_are_enough_for_iterators() {
    if !require([Need::Root, Need::Program("setpriv"), iterators()]) {
        return;
    }
    let pair = Pair::new();
    let port = pair.client.local_addr().unwrap().port().to_string();
    let with_capabilities = |capabilities: &str| {
        let binary = observer().get_program().to_owned();
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(format!("--inh-caps={capabilities}"))
            .arg(format!("--ambient-caps={capabilities}"))
            .arg(binary)
            .args(["list", "--scan", "bpf", "--port", &port, "-o", "jsonl"]);
        command.output()
    };
    let two = with_capabilities("+bpf,+perfmon").unwrap();
    let stderr = String::from_utf8(two.stderr).unwrap();
    assert_eq!(two.status.code(), Some(0), "{stderr}");
    let stdout = String::from_utf8(two.stdout).unwrap();
    assert!(
        stdout.contains(&format!("\"pid\":{}", std::process::id())),
        "{stdout}"
    );
    for one in ["+bpf", "+perfmon"] {
        let refused = with_capabilities(one).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{one}");
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert!(
            stderr.contains("CAP_BPF and CAP_PERFMON"),
            "{one}: {stderr}"
        );
    }
}

/// In a PID namespace of its own, as in a container without the host's: owners are named by their
/// numbers there, and sockets of processes outside have none.
#[test]
fn inside_a_pid_namespace() {
    if !require([Need::Root, Need::Program("unshare"), iterators()]) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.80:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let observe = |prepare: &str| {
        let script = format!("{prepare} exec \"$0\" list --scan bpf --remote 127.0.0.80 -o jsonl");
        let mut command = Command::new("unshare");
        command.args(["-pf", "--mount-proc", "sh", "-c", &script]);
        command.arg(observer().get_program()).output()
    };
    let outside = observe("").unwrap();
    let owners = |output: Output| {
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        let socket: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let owners = socket["owners"].as_array().unwrap();
        owners
            .iter()
            .map(|o| o["pid"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(owners(outside), Vec::<u64>::new());
    // The shell, which becomes observer, is process 1 there, and its child the next. Both hold it.
    inheritable(&client);
    let mut inside = owners(observe("sleep 20 &").unwrap());
    inside.sort_unstable();
    assert_eq!(inside, [1, 2]);
}
