//! Bodies that are made while they are sent: whoever makes one waits until its reader has taken what
//! there is, so that little of it is held however large it is.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Size at which a chunk is sent.
pub(super) const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that wait for the reader, besides the one that grows and the one that is being sent.
const WAITING: usize = 2;

#[derive(Debug)]
enum Chunk {
    More(Bytes),
    Last(Bytes),
}

/// Writer of the body: waits in `write` while the reader is behind.
#[derive(Debug)]
pub(super) struct BodyWriter {
    chunk: Vec<u8>,
    to: Sender<Chunk>,
}

/// Body that is sent.
#[derive(Debug)]
pub(super) struct ChunkedBody {
    /// First chunk, taken to see whether there is more.
    first: Option<Chunk>,
    from: Receiver<Chunk>,
    is_over: bool,
}

pub(super) fn chunked_body() -> (BodyWriter, ChunkedBody) {
    let (to, from) = channel(WAITING);
    let writer = BodyWriter {
        chunk: Vec::new(),
        to,
    };
    let body = ChunkedBody {
        first: None,
        from,
        is_over: false,
    };
    (writer, body)
}

impl BodyWriter {
    /// Sends the rest. A writer that is dropped without it breaks the connection off, so that nobody
    /// takes a part for the whole.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.chunk);
        self.send(Chunk::Last(rest.into()))
    }

    /// Must not be called by the runtime's own threads: it blocks.
    fn send(&self, chunk: Chunk) -> io::Result<()> {
        let gone = |_| io::ErrorKind::BrokenPipe.into();
        self.to.blocking_send(chunk).map_err(gone)
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.capacity() == 0 {
            self.chunk.reserve(CHUNK_BYTES);
        }
        let room = CHUNK_BYTES.saturating_sub(self.chunk.len());
        let (fits, _) = bytes.split_at(room.min(bytes.len()));
        self.chunk.extend_from_slice(fits);
        if self.chunk.len() >= CHUNK_BYTES {
            let full = std::mem::take(&mut self.chunk);
            self.send(Chunk::More(full.into()))?;
        }
        Ok(fits.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ChunkedBody {
    /// The body, once it has begun. One that is a single chunk says how long it is. `None` where its
    /// writer is gone.
    pub(super) async fn begun(mut self) -> Option<Body> {
        match self.from.recv().await? {
            Chunk::Last(whole) => Some(Body::from(whole)),
            first @ Chunk::More(_) => {
                self.first = Some(first);
                Some(Body::new(self))
            }
        }
    }
}

impl hyper::body::Body for ChunkedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let chunk = match self.first.take() {
            Some(first) => Some(first),
            None => ready!(self.from.poll_recv(cx)),
        };
        self.is_over = !matches!(chunk, Some(Chunk::More(_)));
        Poll::Ready(Some(match chunk {
            Some(Chunk::More(bytes) | Chunk::Last(bytes)) => Ok(Frame::data(bytes)),
            None => Err(io::Error::other("its writer is gone")),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use http_body_util::BodyExt as _;
    use hyper::body::Body as _;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    /// 64 MiB, of which a reader that takes nothing has at most four body made.
    #[test]
    fn a_maker_is_never_far_ahead_of_its_reader() {
        const LINE: [u8; 1000] = [b'x'; 1000];
        const LINES: usize = 64 << 10;
        let made = Arc::new(AtomicUsize::new(0));
        runtime().block_on(async {
            let (mut writer, body) = chunked_body();
            let counted = Arc::clone(&made);
            let making = tokio::task::spawn_blocking(move || {
                for _ in 0..LINES {
                    writer.write_all(&LINE)?;
                    counted.fetch_add(LINE.len(), Ordering::Relaxed);
                }
                writer.finish()
            });
            let mut body = body.begun().await.unwrap();
            assert_eq!(body.size_hint().exact(), None);
            let mut read = 0;
            let mut turns = 0;
            while let Some(frame) = body.frame().await {
                read += frame.unwrap().into_data().unwrap().len();
                turns += 1;
                // Time in which it could run ahead.
                if turns % 100 == 1 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                let ahead = made.load(Ordering::Relaxed).saturating_sub(read);
                let most = (WAITING + 2) * CHUNK_BYTES;
                assert!(ahead <= most, "{ahead} bytes are held after {read}");
            }
            assert_eq!(read, LINES * LINE.len());
            making.await.unwrap().unwrap();
        });
    }

    #[test]
    fn one_piece_has_a_length() {
        runtime().block_on(async {
            let (mut writer, body) = chunked_body();
            let making = tokio::task::spawn_blocking(move || {
                writer.write_all(b"{}\n")?;
                writer.finish()
            });
            let body = body.begun().await.unwrap();
            assert_eq!(body.size_hint().exact(), Some(3));
            assert_eq!(body.collect().await.unwrap().to_bytes(), "{}\n");
            making.await.unwrap().unwrap();
        });
    }

    #[test]
    fn what_is_not_finished_is_no_whole() {
        runtime().block_on(async {
            let (writer, body) = chunked_body();
            drop(writer);
            assert!(body.begun().await.is_none());
            let (mut writer, body) = chunked_body();
            let making = tokio::task::spawn_blocking(move || {
                drop(writer.write_all(&[b'x'; CHUNK_BYTES + 1]));
            });
            let body = body.begun().await.unwrap();
            making.await.unwrap();
            assert!(body.collect().await.is_err());
        });
    }

    #[test]
    fn a_maker_hears_that_its_reader_is_gone() {
        let (mut writer, body) = chunked_body();
        drop(body);
        let error = writer.write_all(&[b'x'; CHUNK_BYTES]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(writer.finish().is_err());
    }
}
