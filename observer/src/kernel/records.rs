//! Splitting of an iterator's output into records.

use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use observer_common::{RecordKind, SocketRecord, TableRecord, TrackedSocketRecord};

/// One record of a walk.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Record {
    /// A socket.
    Socket(SocketRecord),
    /// A socket of the TCP tables that has a file.
    Table(TableRecord),
    /// Past of the socket that came before, as hooks remember it.
    Tracked(TrackedSocketRecord),
}

/// Bytes that the kernel fills at most in one read.
const CHUNK: usize = 64 * 1024;

/// Buffers that wait to be decoded, at most.
const BUFFERS: usize = 8;

/// Reads a walk to its end, on a thread of its own: the kernel walks on while `chunk` decodes.
/// `chunk` gets the bytes that were read and returns how many of them were whole records. Returns
/// the time that the walk took.
pub(super) fn read_all(
    walk: impl Read + Send,
    mut chunk: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<Duration> {
    let (filled, to_decode) = mpsc::sync_channel(BUFFERS);
    let (emptied, to_fill) = mpsc::channel();
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("walk".into());
        let reader = reader.spawn_scoped(scope, move || fill(walk, &to_fill, &filled))?;
        // The beginning of a record of which the end has not come yet.
        let mut held = Vec::new();
        for (buffer, len) in to_decode {
            let buffer: Vec<u8> = buffer;
            let bytes = buffer.get(..len).unwrap_or_default();
            if held.is_empty() {
                let used = chunk(bytes)?;
                held.extend_from_slice(bytes.get(used..).unwrap_or_default());
            } else {
                held.extend_from_slice(bytes);
                let used = chunk(&held)?;
                held.drain(..used);
            }
            // The reader may be done by now.
            let _done = emptied.send(buffer);
        }
        let took = reader
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        if held.is_empty() {
            return Ok(took);
        }
        Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{} bytes of a record without its end", held.len()),
        ))
    })
}

/// Reads until the end, or until nobody wants more.
fn fill(
    mut walk: impl Read,
    to_fill: &Receiver<Vec<u8>>,
    filled: &SyncSender<(Vec<u8>, usize)>,
) -> io::Result<Duration> {
    let start = Instant::now();
    loop {
        let mut buffer = to_fill.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
        let len = match walk.read(&mut buffer) {
            Ok(0) => return Ok(start.elapsed()),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // The kernel asks to be read again when a walk was long without a record.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        if filled.send((buffer, len)).is_err() {
            return Ok(start.elapsed());
        }
    }
}

/// Hands out the whole records at the beginning of `bytes`; returns how many bytes they were.
pub(crate) fn split(bytes: &[u8], mut each: impl FnMut(Record)) -> io::Result<usize> {
    let mut used = 0;
    while let Some([size_0, size_1, kind]) = bytes.get(used..used + 3) {
        let size = usize::from(u16::from_ne_bytes([*size_0, *size_1]));
        let Some(record) = bytes.get(used..used + size) else {
            break;
        };
        each(parse(record, *kind)?);
        used += size;
    }
    Ok(used)
}

fn parse(bytes: &[u8], kind: u8) -> io::Result<Record> {
    const FULL: u8 = RecordKind::Full as u8;
    const TIME_WAIT: u8 = RecordKind::TimeWait as u8;
    const REQUEST: u8 = RecordKind::Request as u8;
    const TABLE: u8 = RecordKind::Table as u8;
    const TRACKED: u8 = RecordKind::TrackedSocket as u8;
    match kind {
        FULL | TIME_WAIT | REQUEST if bytes.len() == size_of::<SocketRecord>() => {
            // SAFETY: as long as the type, which holds integers only.
            let record = unsafe { bytes.as_ptr().cast::<SocketRecord>().read_unaligned() };
            Ok(Record::Socket(record))
        }
        TABLE if bytes.len() == size_of::<TableRecord>() => {
            // SAFETY: as above.
            let record = unsafe { bytes.as_ptr().cast::<TableRecord>().read_unaligned() };
            Ok(Record::Table(record))
        }
        TRACKED if bytes.len() == size_of::<TrackedSocketRecord>() => {
            // SAFETY: as above.
            let record = unsafe {
                bytes
                    .as_ptr()
                    .cast::<TrackedSocketRecord>()
                    .read_unaligned()
            };
            Ok(Record::Tracked(record))
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a record of kind {kind} and {} bytes", bytes.len()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cookie: u64) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[0] = 24;
        bytes[2] = RecordKind::Table as u8;
        bytes[8..16].copy_from_slice(&cookie.to_ne_bytes());
        bytes
    }

    #[test]
    fn whole_records_are_handed_out_and_the_rest_kept() {
        let mut bytes = [table(1), table(2), table(3)].concat();
        bytes.truncate(60);
        let mut cookies = Vec::new();
        let used = split(&bytes, |record| {
            if let Record::Table(table) = record {
                cookies.push(table.cookie);
            }
        });
        assert_eq!(used.unwrap(), 48);
        assert_eq!(cookies, [1, 2]);
    }

    /// Gives a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = self.1.min(self.0.len());
            let (now, later) = self.0.split_at(len);
            buffer[..len].copy_from_slice(now);
            self.0 = later;
            Ok(len)
        }
    }

    fn cookies(bytes: &[u8], step: usize) -> io::Result<Vec<u64>> {
        let mut cookies = Vec::new();
        read_all(Trickle(bytes, step), |chunk| {
            split(chunk, |record| {
                if let Record::Table(table) = record {
                    cookies.push(table.cookie);
                }
            })
        })?;
        Ok(cookies)
    }

    #[test]
    fn records_may_be_cut_anywhere() {
        let bytes: Vec<u8> = (0..100).flat_map(table).collect();
        for step in [1, 7, 24, 25, 1000, 10_000] {
            let found = cookies(&bytes, step).unwrap();
            assert_eq!(found, (0..100).collect::<Vec<_>>(), "{step}");
        }
        let error = cookies(&bytes[..90], 50).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let mut damaged = bytes;
        damaged[24 * 50 + 2] = 9;
        assert_eq!(
            cookies(&damaged, 24).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }

    #[test]
    fn damaged_records_are_errors() {
        for bytes in [vec![24, 0, 9, 0], vec![0, 0, 4, 0], vec![3, 0, 1, 0]] {
            let mut bytes = bytes;
            bytes.resize(400, 0);
            split(&bytes, |_| {}).unwrap_err();
        }
    }
}
