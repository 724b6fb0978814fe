//! Bodies that are made once and served to many.

use std::io::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A body, as it is and compressed.
#[derive(Debug)]
pub(super) struct CompressibleBody {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
}

impl CompressibleBody {
    pub(super) fn new(plain: impl Into<Bytes>) -> Self {
        Self {
            plain: plain.into(),
            gzip: OnceLock::new(),
        }
    }

    pub(super) fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// Compressed when first asked for; whoever asks meanwhile waits for the same.
    pub(super) fn gzip(&self) -> Bytes {
        self.gzip.get_or_init(|| gzip(&self.plain).into()).clone()
    }
}

/// Compresses, with little effort: metrics shrink to a tenth even so.
fn gzip(plain: &[u8]) -> Vec<u8> {
    let room = Vec::with_capacity(plain.len() / 8);
    let mut encoder = GzEncoder::new(room, Compression::fast());
    // Writing into a Vec cannot fail.
    drop(encoder.write_all(plain));
    encoder.finish().unwrap_or_default()
}

/// A body that is made anew at most so often, however many ask for it.
#[derive(Debug)]
pub(super) struct CachedBody {
    max_age: Duration,
    made: Mutex<Option<(Instant, Arc<CompressibleBody>)>>,
}

impl CachedBody {
    pub(super) const fn new(max_age: Duration) -> Self {
        Self {
            max_age,
            made: Mutex::new(None),
        }
    }

    /// The body, made by `make` if it is too old. Whoever asks meanwhile waits for the same.
    pub(super) fn get(&self, make: impl FnOnce() -> String) -> Arc<CompressibleBody> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, body)) = &*made
            && at.elapsed() < self.max_age
        {
            return Arc::clone(body);
        }
        let body = Arc::new(CompressibleBody::new(make()));
        *made = Some((Instant::now(), Arc::clone(&body)));
        body
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn a_body_is_made_once_while_it_is_fresh() {
        let fresh = CachedBody::new(Duration::from_secs(3600));
        assert_eq!(fresh.get(|| "one".to_owned()).plain(), "one");
        assert_eq!(fresh.get(|| "two".to_owned()).plain(), "one");
        let stale = CachedBody::new(Duration::ZERO);
        assert_eq!(stale.get(|| "one".to_owned()).plain(), "one");
        assert_eq!(stale.get(|| "two".to_owned()).plain(), "two");
    }

    #[test]
    fn compressed_is_the_same() {
        let text = "observer_sockets 1\n".repeat(1000);
        let body = CompressibleBody::new(text.clone());
        let mut back = String::new();
        GzDecoder::new(&*body.gzip())
            .read_to_string(&mut back)
            .unwrap();
        assert_eq!(back, text);
        assert!(body.gzip().len() < text.len() / 10);
    }
}
