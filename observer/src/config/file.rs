//! The file of the configuration, read within bounds of size and time whatever it is.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

/// Longest configuration, in bytes.
const MOST: u64 = 1 << 20;
/// Longest wait for whoever writes into a pipe.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads a file, or a pipe to its end.
///
/// # Errors
/// It cannot be read, is a device, longer than [`MOST`], not UTF-8, or a pipe into which nobody writes.
pub(super) fn read(path: &Path) -> io::Result<String> {
    // To open a pipe without a writer would wait for ever.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking.cast_signed())
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_char_device() || kind.is_block_device() {
        return Err(io::Error::other("it is a device, and no file"));
    }
    let mut text = String::new();
    let reader = Waiting {
        is_pipe: kind.is_fifo(),
        file,
        deadline: Instant::now() + PATIENCE,
    };
    reader.take(MOST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            format!("it is longer than {MOST} bytes"),
        ));
    }
    Ok(text)
}

/// A file that does not block, read as one that does, until a deadline.
struct Waiting {
    file: File,
    is_pipe: bool,
    deadline: Instant,
}

impl io::Read for Waiting {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.is_pipe {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut fds = [PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::IN)];
            if rustix::event::poll(&mut fds, Some(&timeout))? == 0 {
                let waited = PATIENCE.as_secs();
                return Err(io::Error::new(
                    ErrorKind::TimedOut,
                    format!("it is a pipe, and its writer did not end within {waited} s"),
                ));
            }
        }
        self.file.read(to)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use rustix::fs::{CWD, Mode, mknodat};

    use super::*;

    /// Folder of a test, removed at its end.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("observer-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _removed = std::fs::remove_dir_all(&self.0);
        }
    }

    fn pipe(dir: &Folder) -> std::path::PathBuf {
        let path = dir.0.join("pipe");
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        path
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        let dir = Folder::new("config-pipe");
        let path = pipe(&dir);
        let written = path.clone();
        let writer = std::thread::spawn(move || {
            let mut pipe = OpenOptions::new().write(true).open(written).unwrap();
            pipe.write_all(b"[path]\n").unwrap();
            std::thread::sleep(Duration::from_millis(50));
            pipe.write_all(b"default = \"none\"\n").unwrap();
        });
        assert_eq!(read(&path).unwrap(), "[path]\ndefault = \"none\"\n");
        writer.join().unwrap();
    }

    #[test]
    fn what_never_ends_is_refused() {
        let error = |path: &str| read(Path::new(path)).unwrap_err().to_string();
        assert_eq!(error("/dev/zero"), "it is a device, and no file");
        let dir = Folder::new("config-endless");
        let long = dir.0.join("long");
        std::fs::write(&long, "#".repeat(2 << 20)).unwrap();
        assert_eq!(
            error(&long.to_string_lossy()),
            "it is longer than 1048576 bytes"
        );
        // Nobody writes.
        let began = Instant::now();
        assert!(error(&pipe(&dir).to_string_lossy()).contains("did not end within 5 s"));
        assert!(began.elapsed() >= Duration::from_secs(4));
    }
}
