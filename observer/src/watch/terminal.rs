//! The terminal: taken, and given back as it was, whatever happens.

use std::io::{self, Stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};

/// The terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The whole screen, given back when dropped or on a panic of any thread.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Set by signals that end this process.
    ended: Arc<AtomicBool>,
}

impl Screen {
    /// Takes the terminal, in the foreground. In the background this process stops until it is brought
    /// there, as the kernel has it; `None` where it is ended meanwhile.
    ///
    /// # Errors
    /// Stdout is no terminal, or does not do what it is asked to.
    pub fn take() -> io::Result<Option<Self>> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let said_before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                said_before(panic);
            }));
        });
        let ended = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&ended))?;
        }
        if !wait_for_foreground(&ended)? {
            return Ok(None);
        }
        take()?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()));
        if terminal.is_err() {
            give_back();
        }
        Ok(Some(Self {
            terminal: terminal?,
            ended,
        }))
    }

    /// Draws a frame. What has not changed is not sent.
    ///
    /// # Errors
    /// The terminal is gone, or was given back by a panic of another thread.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        if !TAKEN.load(Ordering::SeqCst) {
            return Err(io::Error::other("a part of observer failed"));
        }
        self.terminal.draw(draw).map(drop)
    }

    /// Gives the terminal back and stops this process, as Ctrl-Z does; on `fg` takes it again. False where
    /// it is ended meanwhile.
    ///
    /// # Errors
    /// As for [`Screen::take`].
    pub fn suspend(&mut self) -> io::Result<bool> {
        give_back();
        signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
        if !wait_for_foreground(&self.ended)? {
            return Ok(false);
        }
        take()?;
        // A new one draws every cell. To clear the old one ratatui asks for the cursor's position,
        // and the answer would go to the thread that reads keys.
        self.terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(true)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Waits until this process is in the foreground of its terminal; false where it is ended before. Whoever
/// touches the terminal from the background is stopped by SIGTTOU each time, also after a SIGTERM.
fn wait_for_foreground(ended: &AtomicBool) -> io::Result<bool> {
    /// Time in which the handler of a signal that came with SIGCONT has run.
    const SETTLES: Duration = Duration::from_millis(100);
    /// Stops that did not stop it: nobody can bring it to the foreground (an orphaned process group).
    const MOST_FAILED: usize = 3;
    let mut failed = 0;
    while !is_in_foreground() {
        let began = Instant::now();
        rustix::process::kill_process(rustix::process::getpid(), Signal::TTOU)?;
        std::thread::sleep(SETTLES);
        if ended.load(Ordering::SeqCst) {
            return Ok(false);
        }
        failed = if began.elapsed() < SETTLES * 2 {
            failed + 1
        } else {
            0
        };
        if failed >= MOST_FAILED {
            return Err(io::Error::other(
                "this process is in the background of its terminal, and nobody can bring it to the foreground",
            ));
        }
    }
    Ok(true)
}

/// True also where stdout is a terminal that this process has nothing to do with.
fn is_in_foreground() -> bool {
    let foreground = rustix::termios::tcgetpgrp(io::stdout());
    foreground.map_or(true, |group| group == rustix::process::getpgrp())
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen).inspect_err(|_| give_back())
}

/// Once is enough, from whatever thread.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Where the terminal is gone there is nothing to give back.
        drop(execute!(io::stdout(), LeaveAlternateScreen, Show));
        drop(disable_raw_mode());
    }
}
