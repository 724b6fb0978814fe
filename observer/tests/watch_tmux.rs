//! `observer watch` in a real terminal: keys, and the terminal as it was, however it ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use observer::watch::Screen;

mod kit;

use kit::trace::Turn;
use kit::{Need, require, role};

/// A terminal with a shell of its own.
struct Tmux {
    socket: String,
    folder: PathBuf,
}

const PROMPT: &str = "here> ";
const SOON: Duration = Duration::from_secs(30);

impl Tmux {
    fn start(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("observer-tmux-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let tmux = Self {
            socket: format!("observer-{}-{name}", std::process::id()),
            folder,
        };
        let size = ["-x", "100", "-y", "30"];
        let shell = format!("env LC_ALL=C.UTF-8 PS1='{PROMPT}' bash --norc --noprofile");
        tmux.run(
            &[
                &["-f", "/dev/null", "new-session", "-d"][..],
                &size,
                &[&shell],
            ]
            .concat(),
        );
        tmux.wait_for("a prompt", |screen| screen.contains(PROMPT.trim()));
        tmux
    }

    fn run(&self, args: &[&str]) -> Output {
        let output = Command::new("tmux")
            .args(["-L", &self.socket])
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tmux {args:?}: {said}");
        output
    }

    fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"][..], keys].concat());
    }

    fn enter(&self, command: &str) {
        self.keys(&[command, "Enter"]);
    }

    fn screen(&self) -> String {
        let output = self.run(&["capture-pane", "-p"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn wait_for(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            let screen = self.screen();
            if is_there(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "no {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a command of the shell and returns what it wrote to the file that it is told.
    fn answer(&self, command: &str) -> String {
        let file = self.folder.join("answer");
        drop(std::fs::remove_file(&file));
        let (partial, path) = (file.with_extension("partial"), file.display().to_string());
        let partial = partial.display();
        self.enter(&format!("{command} > {partial}; mv {partial} {path}"));
        let deadline = Instant::now() + SOON;
        while !file.exists() {
            assert!(Instant::now() < deadline, "{command}:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(50));
        }
        std::fs::read_to_string(&file).unwrap()
    }

    /// State that a program may leave changed: the line discipline, the alternate screen, the cursor.
    fn state(&self) -> (String, String) {
        let stty = self.answer("stty -g");
        let flags = ["display-message", "-p", "#{alternate_on} #{cursor_flag}"];
        let flags = String::from_utf8_lossy(&self.run(&flags).stdout).into_owned();
        (stty, flags)
    }

    /// The process that the shell waits for.
    fn child(&self) -> String {
        let pane = self.run(&["display-message", "-p", "#{pane_pid}"]);
        let pane = String::from_utf8_lossy(&pane.stdout).trim().to_owned();
        let path = format!("/proc/{pane}/task/{pane}/children");
        let children = std::fs::read_to_string(path).unwrap();
        children.split_whitespace().next().unwrap().to_owned()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        drop(
            Command::new("tmux")
                .args(["-L", &self.socket, "kill-server"])
                .output(),
        );
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// A connection by which a screen is known.
struct Pair {
    _ends: (TcpListener, TcpStream, TcpStream),
    port: u16,
}

impl Pair {
    /// Selects it alone: other tests may come to use the same port.
    fn filter(&self) -> String {
        format!("--pid {} --port {}", std::process::id(), self.port)
    }
}

fn pair(last: u8) -> Pair {
    let listener = TcpListener::bind((Ipv4Addr::new(127, 11, 0, last), 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let (server, _) = listener.accept().unwrap();
    Pair {
        _ends: (listener, client, server),
        port: address.port(),
    }
}

fn watch(arguments: &str) -> String {
    format!(
        "{} watch --interval 1s {arguments}",
        env!("CARGO_BIN_EXE_observer")
    )
}

fn is_shown(screen: &str) -> bool {
    screen.contains("observer  scan ") && screen.contains("? help  q quit")
}

#[test]
fn keys_do_what_they_say_and_q_gives_the_terminal_back() {
    if !require([Need::Program("tmux")]) {
        return;
    }
    let tmux = Tmux::start("keys");
    let pair = pair(1);
    let before = tmux.state();
    tmux.enter("echo said before");
    tmux.enter(&watch(&pair.filter()));
    let shown = tmux.wait_for("screen", |s| is_shown(s) && s.contains("exempt 2"));
    assert!(
        shown.contains(&format!("127.11.0.1:{}", pair.port)),
        "{shown}"
    );
    assert!(!shown.contains("said before"), "{shown}");
    tmux.keys(&["?"]);
    tmux.wait_for("help", |s| s.contains("PgUp PgDn         one page"));
    tmux.keys(&["q"]);
    tmux.wait_for("list", is_shown);
    tmux.keys(&["g"]);
    tmux.wait_for("groups", |s| {
        s.contains("group:process") && s.contains("DANGER")
    });
    tmux.keys(&["g", "g", "g"]);
    tmux.keys(&["f"]);
    tmux.wait_for("prompt", |s| s.contains("filter:"));
    tmux.keys(&["-l", "--", "--state listen"]);
    tmux.keys(&["Enter"]);
    // The filter needs sockets that the scans left out until now.
    tmux.wait_for("listeners", |s| {
        s.contains("[--state listen]") && s.contains("shown ")
    });
    tmux.run(&["resize-window", "-x", "80", "-y", "24"]);
    tmux.wait_for("screen of the new size", |s| {
        is_shown(s) && s.lines().count() == 24
    });
    tmux.keys(&["q"]);
    let after = tmux.wait_for("prompt", |s| s.contains("said before"));
    assert!(!after.contains("q quit"), "{after}");
    assert_eq!(tmux.state(), before);
    assert_eq!(tmux.answer("echo $?").trim(), "0");
}

/// The marked socket is explained: the end that connected has a layer for connect, the one
/// that was accepted has none.
#[test]
fn enter_explains_the_marked_socket() {
    if !require([Need::Program("tmux")]) {
        return;
    }
    let tmux = Tmux::start("explain");
    let pair = pair(2);
    for (remote, connects) in [("127.11.0.2", true), ("127.0.0.1", false)] {
        tmux.enter(&watch(&format!("{} --remote {remote}", pair.filter())));
        tmux.wait_for("screen", |s| is_shown(s) && s.contains("shown 1 of "));
        tmux.keys(&["Enter"]);
        let page = tmux.wait_for("explanation", |s| s.contains("LAYER"));
        assert!(page.contains(&format!("{}/", std::process::id())), "{page}");
        let has_connect = page.contains("net.ipv4.tcp_syn_retries");
        assert_eq!(has_connect, connects, "{page}");
        tmux.keys(&["q"]);
        tmux.wait_for("list", is_shown);
        tmux.keys(&["q"]);
        tmux.wait_for("prompt", |s| !is_shown(s) && s.contains(PROMPT.trim()));
    }
}

/// Its hooks remember for `list` too, and not a moment longer than it runs.
#[test]
fn list_shows_what_watch_remembers_and_nothing_afterwards() {
    if !require([Need::Root, Need::Program("tmux")]) {
        return;
    }
    let tmux = Tmux::start("notes");
    // No trace of another test remembers what this one does.
    let _turn = Turn::alone();
    tmux.enter(&watch(""));
    tmux.wait_for("screen", |s| is_shown(s) && s.contains("hooks t"));
    let pair = pair(3);
    let (_, client, _) = &pair._ends;
    rustix::net::sockopt::set_socket_keepalive(client, true).unwrap();
    let last_set = || {
        let port = pair.port.to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_observer"))
            .args([
                "list",
                "-o",
                "json",
                "--remote",
                "127.11.0.3",
                "--port",
                &port,
            ])
            .output()
            .unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        document["sockets"][0]["last_set"].clone()
    };
    // The hooks of a doctor that another test runs may be older for a moment.
    let deadline = Instant::now() + SOON;
    while last_set()["option"] != "SO_KEEPALIVE" {
        assert!(Instant::now() < deadline, "{}", last_set());
        std::thread::sleep(Duration::from_millis(100));
    }
    tmux.keys(&["q"]);
    tmux.wait_for("end", |s| {
        s.trim_end().ends_with(PROMPT.trim()) && !is_shown(s)
    });
    assert_eq!(tmux.answer("echo $?").trim(), "0");
    assert!(last_set().is_null(), "{}", last_set());
}

#[test]
fn signals_give_the_terminal_back() {
    if !require([Need::Program("tmux")]) {
        return;
    }
    let tmux = Tmux::start("signals");
    let before = tmux.state();
    for signal in ["TERM", "INT", "HUP"] {
        tmux.enter(&watch(""));
        tmux.wait_for("screen", is_shown);
        let child = tmux.child();
        let killed = Command::new("kill").args(["-s", signal, &child]).status();
        assert!(killed.unwrap().success());
        tmux.wait_for("prompt", |s| !is_shown(s) && s.contains(PROMPT.trim()));
        assert_eq!(tmux.state(), before, "{signal}");
    }
}

/// A script's `timeout` puts it into a process group of its own, in the background of the terminal: the
/// kernel stops whoever touches the terminal from there.
#[test]
fn in_the_background_it_can_be_ended() {
    if !require([Need::Program("tmux"), Need::Program("timeout")]) {
        return;
    }
    let tmux = Tmux::start("background");
    let before = tmux.state();
    tmux.enter(&format!("sh -c 'timeout 1 {}; echo ended $?'", watch("")));
    tmux.wait_for("its end", |s| s.contains("ended 124"));
    assert_eq!(tmux.state(), before);
}

#[test]
fn suspended_and_resumed() {
    if !require([Need::Program("tmux")]) {
        return;
    }
    let tmux = Tmux::start("suspend");
    let before = tmux.state();
    tmux.enter(&watch(""));
    tmux.wait_for("screen", is_shown);
    tmux.keys(&["C-z"]);
    tmux.wait_for("shell", |s| s.contains("Stopped"));
    assert_eq!(tmux.state(), before);
    tmux.enter("fg");
    tmux.wait_for("screen", is_shown);
    // The same from outside.
    let child = tmux.child();
    let stopped = Command::new("kill").args(["-s", "TSTP", &child]).status();
    assert!(stopped.unwrap().success());
    tmux.wait_for("shell", |s| s.matches("Stopped").count() == 2);
    assert_eq!(tmux.state(), before);
    tmux.enter("fg");
    tmux.wait_for("screen", is_shown);
    tmux.keys(&["q"]);
    tmux.wait_for("prompt", |s| !is_shown(s));
    assert_eq!(tmux.state(), before);
}

#[test]
fn a_panic_gives_the_terminal_back() {
    if !require([Need::Program("tmux")]) {
        return;
    }
    let tmux = Tmux::start("panic");
    let before = tmux.state();
    let program = std::env::current_exe().unwrap();
    for role in ["panic", "panic-of-another-thread"] {
        let command = format!(
            "OBSERVER_TEST_ROLE={role} {} --exact role --ignored --nocapture",
            program.display()
        );
        tmux.enter(&command);
        let screen = tmux.wait_for("message", |s| s.contains("made on purpose"));
        assert!(screen.contains(PROMPT.trim()), "{screen}");
        tmux.wait_for("end of the role", |s| s.contains("test result: FAILED"));
        assert_eq!(tmux.state(), before, "{role}");
        tmux.enter("clear");
        tmux.wait_for("empty screen", |s| !s.contains("made on purpose"));
    }
}

#[test]
#[ignore = "a role that the other tests start"]
fn role() {
    let Some(role) = role::current() else {
        return;
    };
    let mut screen = Screen::take().unwrap().expect("nobody ends it");
    screen.draw(|_| {}).unwrap();
    if role == ["panic"] {
        panic!("made on purpose");
    }
    let other = std::thread::spawn(|| panic!("made on purpose"));
    assert!(other.join().is_err());
    // The terminal is not ours any more.
    screen.draw(|_| {}).unwrap();
}

#[test]
fn a_dumb_terminal_gets_lines() {
    if !require([Need::Program("tmux")]) {
        return;
    }
    let tmux = Tmux::start("dumb");
    let before = tmux.state();
    tmux.enter(&format!(
        "TERM=dumb {}; echo ended with $?",
        watch("--for 2s")
    ));
    let screen = tmux.wait_for("end", |s| s.contains("ended with 0"));
    assert!(!screen.contains("observer  scan "), "{screen}");
    assert_eq!(tmux.state(), before);
}

#[test]
fn it_ends_by_itself_after_the_time_given() {
    if !require([Need::Program("tmux")]) {
        return;
    }
    let tmux = Tmux::start("for");
    tmux.enter(&watch("--for 2s"));
    tmux.wait_for("screen", is_shown);
    tmux.wait_for("prompt", |s| !is_shown(s) && s.contains(PROMPT.trim()));
    assert_eq!(tmux.answer("echo $?").trim(), "0");
}
