//! Bodies that are made while they are sent: whoever makes one waits until its reader has taken what
//! there is, so that little of it is held however large it is.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// A piece is sent when it has grown to this size.
pub(super) const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that wait for the reader, besides the one that grows and the one that is being sent.
const WAITING: usize = 2;

#[derive(Debug)]
enum Piece {
    More(Bytes),
    Last(Bytes),
}

/// The side that makes the body, and waits in `write` while the reader is behind.
#[derive(Debug)]
pub(super) struct Maker {
    piece: Vec<u8>,
    to: Sender<Piece>,
}

/// The side that is sent.
#[derive(Debug)]
pub(super) struct Pieces {
    /// What was taken to see whether there is more.
    first: Option<Piece>,
    from: Receiver<Piece>,
    is_over: bool,
}

pub(super) fn pieces() -> (Maker, Pieces) {
    let (to, from) = channel(WAITING);
    let maker = Maker {
        piece: Vec::new(),
        to,
    };
    let pieces = Pieces {
        first: None,
        from,
        is_over: false,
    };
    (maker, pieces)
}

impl Maker {
    /// Sends the rest. A maker that is dropped without it breaks the connection off, so that nobody
    /// takes a part for the whole.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.piece);
        self.send(Piece::Last(rest.into()))
    }

    /// Must not be called by the runtime's own threads: it blocks.
    fn send(&self, piece: Piece) -> io::Result<()> {
        let gone = |_| io::ErrorKind::BrokenPipe.into();
        self.to.blocking_send(piece).map_err(gone)
    }
}

impl Write for Maker {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.capacity() == 0 {
            self.piece.reserve(PIECE_BYTES);
        }
        let room = PIECE_BYTES.saturating_sub(self.piece.len());
        let (fits, _) = bytes.split_at(room.min(bytes.len()));
        self.piece.extend_from_slice(fits);
        if self.piece.len() >= PIECE_BYTES {
            let full = std::mem::take(&mut self.piece);
            self.send(Piece::More(full.into()))?;
        }
        Ok(fits.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Pieces {
    /// The body, once it has begun. One that is a single piece says how long it is. `None` where its
    /// maker is gone.
    pub(super) async fn body(mut self) -> Option<Body> {
        match self.from.recv().await? {
            Piece::Last(whole) => Some(Body::from(whole)),
            first @ Piece::More(_) => {
                self.first = Some(first);
                Some(Body::new(self))
            }
        }
    }
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let piece = match self.first.take() {
            Some(first) => Some(first),
            None => ready!(self.from.poll_recv(cx)),
        };
        self.is_over = !matches!(piece, Some(Piece::More(_)));
        Poll::Ready(Some(match piece {
            Some(Piece::More(bytes) | Piece::Last(bytes)) => Ok(Frame::data(bytes)),
            None => Err(io::Error::other("its maker is gone")),
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

    /// 64 MiB, of which a reader that takes nothing has at most four pieces made.
    #[test]
    fn a_maker_is_never_far_ahead_of_its_reader() {
        const LINE: [u8; 1000] = [b'x'; 1000];
        const LINES: usize = 64 << 10;
        let made = Arc::new(AtomicUsize::new(0));
        runtime().block_on(async {
            let (mut maker, pieces) = pieces();
            let counted = Arc::clone(&made);
            let making = tokio::task::spawn_blocking(move || {
                for _ in 0..LINES {
                    maker.write_all(&LINE)?;
                    counted.fetch_add(LINE.len(), Ordering::Relaxed);
                }
                maker.finish()
            });
            let mut body = pieces.body().await.unwrap();
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
                let most = (WAITING + 2) * PIECE_BYTES;
                assert!(ahead <= most, "{ahead} bytes are held after {read}");
            }
            assert_eq!(read, LINES * LINE.len());
            making.await.unwrap().unwrap();
        });
    }

    #[test]
    fn one_piece_has_a_length() {
        runtime().block_on(async {
            let (mut maker, pieces) = pieces();
            let making = tokio::task::spawn_blocking(move || {
                maker.write_all(b"{}\n")?;
                maker.finish()
            });
            let body = pieces.body().await.unwrap();
            assert_eq!(body.size_hint().exact(), Some(3));
            assert_eq!(body.collect().await.unwrap().to_bytes(), "{}\n");
            making.await.unwrap().unwrap();
        });
    }

    #[test]
    fn what_is_not_finished_is_no_whole() {
        runtime().block_on(async {
            let (maker, pieces) = pieces();
            drop(maker);
            assert!(pieces.body().await.is_none());
            let (mut maker, pieces) = self::pieces();
            let making = tokio::task::spawn_blocking(move || {
                drop(maker.write_all(&[b'x'; PIECE_BYTES + 1]));
            });
            let body = pieces.body().await.unwrap();
            making.await.unwrap();
            assert!(body.collect().await.is_err());
        });
    }

    #[test]
    fn a_maker_hears_that_its_reader_is_gone() {
        let (mut maker, pieces) = pieces();
        drop(pieces);
        let error = maker.write_all(&[b'x'; PIECE_BYTES]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(maker.finish().is_err());
    }
}
