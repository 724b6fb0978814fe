//! `observer doctor` on real hosts: with everything, with rights taken away one by one, without
//! BTF, with forced choices. It says the right thing each time, and leaves nothing behind.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

mod kit;

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::bpftool::{Held, pinned};
use kit::mounts::{TracefsMount, with_tracefs};
use kit::sockets::Pair;
use kit::{Need, guest_series, has_iterators, require};
use serde_json::Value;

/// Every check, in order. Scripts depend on the names.
const NAMES: &str = "\
kernel btf lockdown user-namespace pid-namespace clock \
CAP_BPF CAP_PERFMON CAP_SYS_ADMIN CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_SYS_CHROOT CAP_NET_ADMIN \
memlock perf-event-paranoid iter.task_file iter.tcp ring-buffer cookie-helper \
hook.life hook.accept.trampoline hook.accept.tracepoint \
hook.setsockopt.trampoline hook.setsockopt.tracepoint \
hook.keepalive-timer.trampoline hook.keepalive-timer.tracepoint \
tracefs sock-diag pidfd-getfd proc network-namespaces sysctls running-observer scan hooks";

fn binary() -> PathBuf {
    std::env::var_os("OBSERVER_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_observer")),
        PathBuf::from,
    )
}

fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    plain(command.arg("doctor").args(arguments));
    command
}

/// The same by setpriv, with rights changed.
fn doctor_with_rights(rights: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(rights).arg(binary());
    plain(command.arg("doctor").args(arguments));
    command
}

fn plain(command: &mut Command) -> &mut Command {
    for variable in ["OBSERVER_PATH", "OBSERVER_CONFIG", "OBSERVER_SCAN"] {
        command.env_remove(variable);
    }
    command
}

/// Root without some capabilities.
fn root_without(capabilities: &str) -> [String; 1] {
    [format!("--bounding-set={capabilities}")]
}

/// An ordinary user with some capabilities.
fn user_with(capabilities: &str) -> [String; 5] {
    [
        "--reuid=65534".to_owned(),
        "--regid=65534".to_owned(),
        "--clear-groups".to_owned(),
        format!("--inh-caps={capabilities}"),
        format!("--ambient-caps={capabilities}"),
    ]
}

/// Output of a run.
struct Said {
    code: Option<i32>,
    document: Value,
}

impl Said {
    fn by(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let document = serde_json::from_slice(&output.stdout).expect(&stderr);
        let said = Self {
            code: output.status.code(),
            document,
        };
        assert_eq!(stderr, "");
        let expected = i32::from(!said.lost().is_empty());
        assert_eq!(said.code, Some(expected), "{:?}", said.lost());
        said
    }

    fn with_rights(rights: &[String]) -> Self {
        let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
        Self::by(&mut doctor_with_rights(&rights, &["-o", "json"]))
    }

    /// In a mount namespace of its own.
    fn with_tracefs(mount: TracefsMount, rights: &[String]) -> Self {
        let words = with_tracefs(mount);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("setpriv").args(rights);
        command.arg(binary()).args(["doctor", "-o", "json"]);
        Self::by(plain(&mut command))
    }

    fn checks(&self) -> &[Value] {
        self.document["checks"].as_array().unwrap()
    }

    fn check(&self, name: &str) -> &Value {
        let found = self.checks().iter().find(|check| check["name"] == name);
        found.expect(name)
    }

    fn ok(&self, name: &str) -> Option<bool> {
        self.check(name)["ok"].as_bool()
    }

    fn text(&self, name: &str, field: &str) -> String {
        let text = self.check(name)[field].as_str();
        text.unwrap_or_else(|| panic!("{name} has no {field}: {}", self.check(name)))
            .to_owned()
    }

    /// Names of what counts, in order.
    fn lost(&self) -> Vec<&str> {
        let lost = self.checks().iter().filter(|check| check["lost"] == true);
        lost.map(|check| check["name"].as_str().unwrap()).collect()
    }

    fn scan(&self) -> Option<&str> {
        self.document["scan"].as_str()
    }

    fn hooks(&self) -> &str {
        self.document["hooks"].as_str().unwrap()
    }
}

/// Root's best scan on this kernel.
fn best_scan() -> Option<&'static str> {
    Some(if has_iterators() { "bpf" } else { "diag" })
}

/// True if the kernel lets anybody attach trampolines to setsockopt: guests from 6.1 on do.
fn has_trampolines() -> bool {
    guest_series().is_some() && has_iterators()
}

/// Parts that are missing even with every right. A host may hide processes from root by a policy.
fn lost_to_root() -> Vec<&'static str> {
    if !has_iterators() {
        return vec!["iter.task_file", "iter.tcp", "cookie-helper", "scan"];
    }
    let hidden = observer::host::netns::enumerate().denied > 0;
    if hidden { vec!["proc"] } else { vec![] }
}

#[test]
fn root_is_told_what_is_chosen_and_costs() {
    if !require([Need::Root]) {
        return;
    }
    let _pairs: Vec<Pair> = (0..3).map(|_| Pair::new()).collect();
    let said = Said::by(&mut doctor(&["-o", "json"]));
    assert_eq!(said.scan(), best_scan());
    let way = if has_trampolines() {
        "trampoline"
    } else {
        "tracepoint"
    };
    assert_eq!(said.hooks(), way);
    let document = &said.document;
    assert!(document["scan_ms"].as_f64().unwrap() > 0.0);
    assert!(document["sockets_seen"].as_u64().unwrap() >= 6);
    assert!(document["scan_ns_per_socket"].as_u64().unwrap() > 0);
    for cost in ["syscall_ns", "syscall_hooked_ns"] {
        let ns = document[cost].as_f64();
        assert_eq!(ns.is_some(), !has_trampolines(), "{cost}");
        assert!(ns.is_none_or(|ns| ns > 0.0), "{cost}: {ns:?}");
    }
    assert_eq!(said.lost(), lost_to_root(), "{document:#}");
}

#[test]
fn each_way_of_each_hook_is_tried() {
    if !require([Need::Root]) {
        return;
    }
    let said = Said::by(&mut doctor(&["-o", "json"]));
    assert_eq!(said.ok("hook.life"), Some(true));
    for hook in ["accept", "setsockopt", "keepalive-timer"] {
        let tracepoint = format!("hook.{hook}.tracepoint");
        assert_eq!(
            said.ok(&tracepoint),
            Some(true),
            "{}",
            said.check(&tracepoint)
        );
        let trampoline = format!("hook.{hook}.trampoline");
        // Before 6.1, those of setsockopt take arguments that trampolines cannot.
        let expected = guest_series().is_some() && (has_iterators() || hook != "setsockopt");
        assert_eq!(
            said.ok(&trampoline),
            Some(expected),
            "{}",
            said.check(&trampoline)
        );
        if !expected {
            assert_eq!(said.check(&trampoline)["lost"], false);
            assert!(
                said.text(&trampoline, "consequence")
                    .contains("by tracepoint")
            );
            // The kernel's own words.
            let detail = said.text(&trampoline, "detail");
            assert!(!detail.is_empty() && !detail.contains('\n'), "{detail}");
        }
    }
    for walk in ["iter.task_file", "iter.tcp"] {
        assert_eq!(said.ok(walk), Some(has_iterators()), "{}", said.check(walk));
    }
    assert_eq!(said.ok("cookie-helper"), Some(has_iterators()));
    assert_eq!(said.ok("ring-buffer"), Some(true));
}

/// The names and types of the document. A field may be added here, none may change.
#[test]
fn the_document_is_of_a_form_that_scripts_can_depend_on() {
    let mut nobody = doctor(&["-o", "json"]);
    let mut runs = vec![Said::by(&mut doctor(&["-o", "json"]))];
    if require([Need::Root]) {
        runs.push(Said::by(nobody.uid(65534).gid(65534)));
    }
    for said in &runs {
        let names: Vec<&str> = said
            .checks()
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, NAMES.split(' ').collect::<Vec<_>>());
        let fields = |value: &Value| -> Vec<String> {
            let fields = value.as_object().unwrap().iter();
            fields
                .map(|(name, value)| format!("{name}: {}", type_of(value)))
                .collect()
        };
        let mut top = fields(&said.document);
        top.sort();
        let expected = [
            "checks: array",
            "hooks: string",
            "host: string",
            "kernel: string",
            "scan: string",
            "scan_ms: number",
            "scan_ns_per_socket: number",
            "sockets_seen: number",
            "syscall_hooked_ns: number",
            "syscall_ns: number",
            "version: number",
        ];
        for (found, expected) in top.iter().zip(expected) {
            let (name, kind) = expected.split_once(": ").unwrap();
            assert!(
                found == expected || *found == format!("{name}: null"),
                "{found}, not {kind}"
            );
        }
        assert_eq!(top.len(), expected.len());
        for check in said.checks() {
            let ok = type_of(&check["ok"]);
            assert!(ok == "boolean" || ok == "null", "{check}");
            let told = if check["ok"] == false {
                "string"
            } else {
                "null"
            };
            let mut found = fields(check);
            found.sort();
            let expected = [
                format!("consequence: {told}"),
                "detail: string".to_owned(),
                "lost: boolean".to_owned(),
                "name: string".to_owned(),
                format!("ok: {ok}"),
                format!("remedy: {told}"),
            ];
            assert_eq!(found, expected, "{check}");
            assert!(check["lost"] == false || check["ok"] == false, "{check}");
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn the_first_line_has_the_reason_and_the_rest_fits_80_columns() {
    if !require([Need::Root]) {
        return;
    }
    let mut nobody = doctor(&[]);
    for command in [&mut doctor(&[]), nobody.uid(65534).gid(65534)] {
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let first = text.lines().next().unwrap();
        if output.status.code() == Some(0) {
            assert_eq!(first, "Nothing is unknown on this host.");
        } else {
            assert!(
                first.contains(". Lost: ") && first.contains(". To do: "),
                "{first}"
            );
        }
        let wide = text.lines().skip(1).find(|line| line.chars().count() > 80);
        assert_eq!(wide, None);
        assert!(!text.contains('\x1b'), "no colours into a pipe");
    }
}

#[test]
fn an_ordinary_user_is_told_to_become_root() {
    if !require([Need::Root]) {
        return;
    }
    let mut command = doctor(&["-o", "json"]);
    let said = Said::by(command.uid(65534).gid(65534));
    assert_eq!((said.scan(), said.hooks()), (Some("diag"), "none"));
    assert_eq!(said.lost().first(), Some(&"CAP_BPF"));
    assert!(said.text("CAP_BPF", "remedy").contains("root"));
    for name in [
        "CAP_SYS_PTRACE",
        "CAP_DAC_READ_SEARCH",
        "proc",
        "pidfd-getfd",
        "running-observer",
    ] {
        assert_eq!(said.check(name)["lost"], true, "{name}");
    }
    assert_eq!(said.ok("sock-diag"), Some(true));
}

#[test]
fn capabilities_that_nothing_needs_change_nothing() {
    if !require([Need::Root]) {
        return;
    }
    let said = Said::with_rights(&root_without("-net_admin,-sys_chroot"));
    assert_eq!(said.scan(), best_scan());
    assert!(said.text("CAP_NET_ADMIN", "detail").starts_with("not held"));
    assert_eq!(said.ok("CAP_NET_ADMIN"), Some(true));
    assert_eq!(said.ok("CAP_SYS_CHROOT"), Some(false));
    let lost: Vec<_> = said
        .lost()
        .into_iter()
        .filter(|name| *name != "proc")
        .collect();
    let root: Vec<_> = lost_to_root()
        .into_iter()
        .filter(|name| *name != "proc")
        .collect();
    // Without them, other root processes have more rights than this one, and it sees them still.
    assert_eq!(lost, root);

    let stood_in = Said::with_rights(&root_without("-bpf,-perfmon"));
    assert_eq!(stood_in.scan(), best_scan());
    assert!(
        stood_in
            .text("CAP_BPF", "detail")
            .contains("CAP_SYS_ADMIN stands in")
    );
    assert_eq!(stood_in.ok("CAP_PERFMON"), Some(true));
}

#[test]
fn root_without_ptrace_cannot_tell_whose_namespaces_are_whose() {
    if !require([Need::Root]) {
        return;
    }
    let said = Said::with_rights(&root_without("-sys_ptrace"));
    assert_eq!(said.scan(), best_scan());
    assert_eq!(said.lost().first(), Some(&"CAP_SYS_PTRACE"));
    assert!(
        said.text("CAP_SYS_PTRACE", "consequence")
            .contains("network namespace")
    );
    assert_eq!(said.check("proc")["lost"], true);
    // By diag, owners and values are lost with it.
    let owners = said
        .text("CAP_SYS_PTRACE", "consequence")
        .contains("owners");
    assert_eq!(owners, !has_iterators());
    assert_eq!(said.check("pidfd-getfd")["lost"], !has_iterators());
    assert_eq!(said.ok("network-namespaces"), Some(true));
}

#[test]
fn root_without_sys_admin_enters_no_namespace_and_asks_no_observer() {
    if !require([Need::Root]) {
        return;
    }
    let said = Said::with_rights(&root_without("-sys_admin"));
    assert_eq!(said.scan(), best_scan());
    assert_eq!(said.lost().first(), Some(&"CAP_SYS_ADMIN"));
    assert!(
        said.text("CAP_SYS_ADMIN", "consequence")
            .contains("last_set")
    );
    assert_eq!(said.ok("network-namespaces"), Some(false));
    assert_eq!(said.check("running-observer")["lost"], true);
    assert_eq!(said.ok("CAP_BPF"), Some(true));
}

#[test]
fn root_without_bpf_is_told_so() {
    if !require([Need::Root]) {
        return;
    }
    for (without, name) in [
        ("-bpf,-sys_admin", "CAP_BPF"),
        ("-perfmon,-sys_admin", "CAP_PERFMON"),
    ] {
        let said = Said::with_rights(&root_without(without));
        assert_eq!(
            (said.scan(), said.hooks()),
            (Some("diag"), "none"),
            "{name}"
        );
        assert_eq!(said.lost().first(), Some(&name));
        assert!(
            said.text(name, "remedy")
                .contains("CAP_BPF and CAP_PERFMON")
        );
        assert!(said.text(name, "consequence").contains("sock_diag"));
    }
}

#[test]
fn two_capabilities_scan_and_hook_and_hear_what_they_miss() {
    if !require([Need::Root]) {
        return;
    }
    let said = Said::with_tracefs(TracefsMount::Mounted, &user_with("+bpf,+perfmon"));
    assert_eq!(said.scan(), best_scan());
    assert_eq!(said.lost().first(), Some(&"CAP_SYS_ADMIN"));
    if has_iterators() {
        two_capabilities_hook(&said);
    } else {
        // Linux 5.10 holds maps to the limit on locked memory, which root lifts for itself.
        assert_eq!(said.check("memlock")["lost"], true);
        assert_eq!(said.text("hook.life", "remedy"), "see memlock");
    }
}

fn two_capabilities_hook(said: &Said) {
    assert_eq!(said.ok("hook.life"), Some(true));
    // A user cannot read tracefs: only trampolines see setsockopt.
    assert_eq!(said.ok("tracefs"), Some(false));
    assert_eq!(said.ok("hook.setsockopt.tracepoint"), Some(false));
    assert_eq!(said.check("hooks")["lost"], !has_trampolines());
    if !has_trampolines() {
        assert_eq!(said.check("CAP_DAC_READ_SEARCH")["lost"], true);
        assert!(
            said.text("CAP_DAC_READ_SEARCH", "consequence")
                .contains("setsockopt")
        );
        let readers = user_with("+bpf,+perfmon,+dac_read_search");
        let more = Said::with_tracefs(TracefsMount::Mounted, &readers);
        assert_eq!(more.ok("hook.setsockopt.tracepoint"), Some(true));
        assert_eq!(more.check("hooks")["lost"], false);
        // Only CAP_SYS_ADMIN gives a mount of one's own.
        let none = Said::with_tracefs(TracefsMount::Absent, &readers);
        assert_eq!(none.ok("hook.setsockopt.tracepoint"), Some(false));
        let detail = none.text("tracefs", "detail");
        assert!(detail.contains("not mounted"), "{detail}");
        let consequence = none.text("CAP_SYS_ADMIN", "consequence");
        assert!(consequence.contains("setsockopt"), "{consequence}");
    }
}

/// Root hooks system calls whether or not tracefs is mounted, and mounts nothing for others to see.
#[test]
fn tracefs_need_not_be_mounted() {
    if !require([Need::Root]) {
        return;
    }
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    for (mount, expected) in [
        (TracefsMount::Mounted, "mounted at /sys/kernel/tracing"),
        (
            TracefsMount::Absent,
            "not mounted; observer uses one of its own",
        ),
    ] {
        let said = Said::with_tracefs(mount, &["--nnp".to_owned()]);
        assert_eq!(said.ok("tracefs"), Some(true), "{}", said.check("tracefs"));
        assert_eq!(said.text("tracefs", "detail"), expected);
        for hook in ["hook.accept.tracepoint", "hook.setsockopt.tracepoint"] {
            assert_eq!(said.ok(hook), Some(true), "{}", said.check(hook));
        }
        assert_eq!(said.lost(), lost_to_root());
    }
    assert_eq!(mounts(), before);
}

#[test]
fn sys_admin_alone_stands_in_for_bpf() {
    if !require([Need::Root]) {
        return;
    }
    let said = Said::with_rights(&user_with("+sys_admin"));
    assert_eq!(said.scan(), best_scan());
    assert_eq!(said.lost().first(), Some(&"CAP_SYS_PTRACE"));
    assert_eq!(said.ok("network-namespaces"), Some(true));
    assert_eq!(said.ok("running-observer"), Some(true));
}

#[test]
fn without_btf_that_is_the_reason() {
    if !require([Need::Root]) {
        return;
    }
    let mut command = doctor(&["-o", "json"]);
    // SAFETY: system calls on constant strings only.
    unsafe {
        command.pre_exec(|| {
            let (null, tmpfs) = (std::ptr::null(), c"tmpfs".as_ptr());
            let private = libc::MS_REC | libc::MS_PRIVATE;
            let hidden = libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(null, c"/".as_ptr(), null, private, null.cast()) == 0
                && libc::mount(tmpfs, c"/sys/kernel/btf".as_ptr(), tmpfs, 0, null.cast()) == 0;
            if hidden {
                Ok(())
            } else {
                Err(std::io::Error::last_os_error())
            }
        });
    }
    let said = Said::by(&mut command);
    assert_eq!((said.scan(), said.hooks()), (Some("diag"), "none"));
    assert_eq!(said.lost().first(), Some(&"btf"));
    assert!(
        said.text("btf", "detail")
            .contains("/sys/kernel/btf/vmlinux")
    );
    assert!(said.text("btf", "remedy").contains("CONFIG_DEBUG_INFO_BTF"));
    assert_eq!(said.text("iter.task_file", "remedy"), "see btf");
    assert_eq!(said.ok("CAP_BPF"), Some(true));
}

#[test]
fn forced_choices_are_followed_and_count() {
    if !require([Need::Root]) {
        return;
    }
    let said = Said::by(&mut doctor(&["-o", "json", "--scan", "diag", "--no-hooks"]));
    assert_eq!((said.scan(), said.hooks()), (Some("diag"), "none"));
    let lost = said.lost();
    assert!(
        lost.contains(&"scan") && lost.contains(&"hooks"),
        "{lost:?}"
    );
    assert!(said.text("scan", "remedy").contains("--scan diag"));
    assert_eq!(said.ok("hook.setsockopt.tracepoint"), None);
    // Not asked for, so it does not count that a kernel lacks it.
    assert_eq!(said.check("iter.task_file")["lost"], false);

    let said = Said::by(&mut doctor(&["-o", "json", "--hooks", "trampoline"]));
    assert_eq!(said.check("hooks")["lost"], !has_trampolines());
    let said = Said::by(&mut doctor(&["-o", "json", "--scan", "bpf"]));
    assert_eq!(said.scan(), has_iterators().then_some("bpf"));
    assert_eq!(said.document["scan_ms"].is_null(), !has_iterators());
}

#[test]
fn another_observer_that_remembers_is_found() {
    if !require([Need::Root]) {
        return;
    }
    let mut trace = Command::new(binary());
    plain(trace.args(["trace", "--for", "100s"]).stdout(Stdio::null()));
    let mut trace = Killed(trace.spawn().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let said = Said::by(&mut doctor(&["-o", "json"]));
        if said
            .text("running-observer", "detail")
            .starts_with("one runs")
        {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "{}",
            said.check("running-observer")
        );
        assert!(trace.0.try_wait().unwrap().is_none(), "trace ended");
    }
}

/// A process of ours, killed when the test is done with it.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

impl Killed {
    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.0.id()).unwrap();
        // SAFETY: a child that nobody has waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }
}

/// Adds what a process's descriptors hold to `all`, and returns how many programs they hold now. It
/// goes on meanwhile: one that is stopped would be interrupted in loading programs.
fn look(pid: u32, all: &mut Held) -> usize {
    let mut programs = 0;
    // It may close any of them, and end.
    let entries = std::fs::read_dir(format!("/proc/{pid}/fdinfo"));
    for entry in entries.into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let number = |key| {
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.trim().parse::<u64>().ok()
        };
        all.maps.extend(number("map_id:"));
        all.links.extend(number("link_id:"));
        if let Some(program) = number("prog_id:") {
            all.programs.insert(program);
            programs += usize::from(number("link_id:").is_none());
        }
    }
    programs
}

/// The kernel frees what nobody holds any more a little later. The notes of another observer, which
/// was asked, are that one's.
fn assert_nothing_is_left(held: &Held) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let mut left = held.left();
        let mut of_others = Held::default();
        for pid in observer::host::process::pids().unwrap() {
            look(pid, &mut of_others);
        }
        left.maps.retain(|map| !of_others.maps.contains(map));
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "left: {left:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs it until it has ended, or until it holds as many programs as given and gets a signal.
fn run_and_look(signal: Option<(usize, i32)>) -> (Held, Option<i32>) {
    let mut command = doctor(&["-o", "json"]);
    let mut child = Killed(command.stdout(Stdio::null()).spawn().unwrap());
    let mut all = Held::default();
    while child.0.try_wait().unwrap().is_none() {
        let programs = look(child.0.id(), &mut all);
        if let Some((_, signal)) = signal.filter(|(enough, _)| programs >= *enough) {
            child.signal(signal);
            break;
        }
    }
    let code = child.0.wait().unwrap().code();
    (all, code)
}

#[test]
fn nothing_stays_behind_however_it_ends() {
    if !require([Need::Root]) {
        return;
    }
    let before = pinned();
    for (signal, expected) in [
        (None, None),
        (Some((1, libc::SIGINT)), Some(Some(0))),
        (Some((3, libc::SIGINT)), Some(Some(0))),
        (Some((1, libc::SIGKILL)), Some(None)),
        (Some((3, libc::SIGKILL)), Some(None)),
    ] {
        let (held, code) = run_and_look(signal);
        // The first program is one of aya's, which tries what the kernel can do before any map.
        let is_seen = !held.programs.is_empty();
        assert!(is_seen, "{signal:?}: it was looked at too late");
        if let Some(expected) = expected {
            assert_eq!(code, expected, "{signal:?}");
        }
        assert_nothing_is_left(&held);
    }
    assert_eq!(pinned(), before);
}
