//! Processes that hold a socket, or do something with it.

use std::fmt;

/// A process that holds the socket by a file descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// Process id (`task_struct.tgid`) in observer's own PID namespace.
    pub pid: u32,
    /// File descriptor.
    pub fd: u32,
    /// Name of the process.
    pub comm: Comm,
}

/// A process at the time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    /// Process id (`task_struct.tgid`) in observer's own PID namespace.
    pub pid: u32,
    /// Name of the process.
    pub comm: Comm,
}

/// `task_struct.comm`: at most 15 bytes, any bytes but NUL. Foreign input: escape it to print it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Comm([u8; 16]);

impl Comm {
    /// Takes the bytes up to the first NUL, at most 16.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut comm = [0; 16];
        for (to, from) in comm.iter_mut().zip(bytes.iter().take_while(|b| **b != 0)) {
            *to = *from;
        }
        Self(comm)
    }

    /// The name's bytes, without padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let len = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
        self.0.get(..len).unwrap_or_default()
    }

    /// The name with invalid UTF-8 replaced; control characters are still in it.
    #[must_use]
    pub fn to_string_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), f)
    }
}
