//! Cuts what an iterator writes into records.

use std::fs::File;
use std::io::{self, Read};

use observer_common::{RecordKind, SocketRecord, TableRecord};

/// One record of a walk.
#[derive(Debug, Clone, Copy)]
pub(super) enum Record {
    /// A socket.
    Socket(SocketRecord),
    /// A socket of the TCP tables that has a file.
    Table(TableRecord),
}

/// The kernel fills at most this much a read.
const CHUNK: usize = 64 * 1024;

/// Reads a walk to its end; `chunk` gets what was read and says how much of it were whole records.
pub(super) fn read_all(
    mut walk: File,
    mut chunk: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut buffer = vec![0_u8; CHUNK];
    let mut held = 0;
    loop {
        let room = buffer.get_mut(held..).unwrap_or_default();
        let read = match walk.read(room) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // The kernel asks to be read again when a walk was long without a record.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        held += read;
        let used = chunk(buffer.get(..held).unwrap_or_default())?;
        buffer.copy_within(used..held, 0);
        held -= used;
    }
    if held == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("{held} bytes of a record without its end"),
    ))
}

/// Hands out the whole records at the beginning of `bytes`; returns how many bytes they were.
pub(super) fn split(bytes: &[u8], mut each: impl FnMut(Record)) -> io::Result<usize> {
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

    #[test]
    fn damaged_records_are_errors() {
        for bytes in [vec![24, 0, 9, 0], vec![0, 0, 4, 0], vec![3, 0, 1, 0]] {
            let mut bytes = bytes;
            bytes.resize(400, 0);
            split(&bytes, |_| {}).unwrap_err();
        }
    }
}
