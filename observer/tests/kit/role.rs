//! A process of the test's own: this test program again, in a role. Each program that uses this
//! has an ignored test `role`, which does what [`current`] says.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::Value;

const VARIABLE: &str = "OBSERVER_TEST_ROLE";
/// Begins each line of a role's; the test harness prints lines of its own.
const MARK: &str = "@role ";

/// Part that this process is to play, with its arguments; `None` if it was not started by [`Role`].
pub fn current() -> Option<Vec<String>> {
    let role = std::env::var(VARIABLE).ok()?;
    Some(role.split_whitespace().map(str::to_owned).collect())
}

/// A process in a role. Dropped, it is killed.
#[derive(Debug)]
pub struct Role {
    child: Child,
    said: Receiver<Value>,
    told: Option<ChildStdin>,
}

impl Role {
    /// Starts it in the network namespace of the calling thread.
    pub fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "role", "--ignored", "--nocapture"])
            .args(["--test-threads", "1"])
            .env(VARIABLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, told) = (child.stdout.take().unwrap(), child.stdin.take());
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some((_, json)) = line.split_once(MARK) {
                    let value = serde_json::from_str(json).unwrap();
                    if say.send(value).is_err() {
                        break;
                    }
                }
            }
        });
        Self { child, said, told }
    }

    /// Next line that it says.
    pub fn next(&self) -> Value {
        self.said
            .recv_timeout(Duration::from_secs(60))
            .expect("the role says something")
    }

    /// Lets it go on from [`wait_go`].
    pub fn go(&mut self) {
        self.told.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Waits until it has ended well, and returns what it still said.
    pub fn finish(mut self) -> Vec<Value> {
        drop(self.told.take());
        let mut rest = Vec::new();
        loop {
            match self.said.recv_timeout(Duration::from_secs(60)) {
                Ok(value) => rest.push(value),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the role does not end"),
            }
        }
        assert!(self.child.wait().unwrap().success(), "the role failed");
        rest
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// In a role: tells the test. In one write, because several processes may speak.
pub fn say(value: &Value) {
    let line = format!("\n{MARK}{value}\n");
    let mut rest = line.as_bytes();
    // Not by std's handle: a forked process would inherit its lock and buffer as they were.
    // SAFETY: descriptor 1 is open as long as the process.
    let out = unsafe { std::os::fd::BorrowedFd::borrow_raw(1) };
    while !rest.is_empty() {
        let written = rustix::io::write(out, rest).unwrap();
        rest = &rest[written..];
    }
}

/// In a role: waits for [`Role::go`]. False once the test is done with it.
pub fn wait_go() -> bool {
    let mut byte = [0_u8];
    // SAFETY: descriptor 0 is open as long as the process.
    let from = unsafe { std::os::fd::BorrowedFd::borrow_raw(0) };
    rustix::io::read(from, &mut byte).unwrap() == 1
}

/// A process made by fork.
#[derive(Debug)]
pub struct Forked {
    pid: i32,
}

impl Forked {
    /// In a role: runs `work` on the main thread of a process that inherits every descriptor.
    pub fn start(name: &str, work: impl FnOnce()) -> Self {
        // SAFETY: a role's other thread only waits for this one, so no lock is held by it.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "{}", std::io::Error::last_os_error());
        if pid == 0 {
            set_name(name);
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // SAFETY: ends the process at once; nothing of the parent's is flushed twice.
            unsafe { libc::_exit(i32::from(done.is_err())) };
        }
        Self { pid }
    }

    pub fn pid(&self) -> u32 {
        u32::try_from(self.pid).unwrap()
    }

    /// Waits until it has ended well.
    pub fn finish(self) {
        let mut status = 0;
        // SAFETY: the status outlives the call.
        let waited = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
        assert_eq!((waited, status), (self.pid, 0), "a forked process failed");
    }
}

/// Names the calling thread; on a main thread that is the process's name.
pub fn set_name(name: &str) {
    rustix::thread::set_name(&std::ffi::CString::new(name).unwrap()).unwrap();
}

/// The name of this process, which is that of its main thread.
pub fn comm() -> String {
    comm_of(std::process::id())
}

/// The name of a process.
pub fn comm_of(pid: u32) -> String {
    let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    comm.trim_end_matches('\n').to_owned()
}
