//! Names and passwords, checked against bcrypt hashes.
//!
//! A check takes tens of milliseconds on purpose, so it runs apart from what serves, one at a time,
//! and what was right is remembered: a scraper that comes every few seconds pays once.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::sync::Semaphore;

/// The highest cost of a hash: 2^17 rounds take seconds.
const MAX_COST: u32 = 17;

/// Checks that are remembered. There are few scrapers, and few people who look.
const REMEMBERED: usize = 64;

/// Users that may read.
#[derive(Debug)]
pub(super) struct Users {
    hashes: BTreeMap<String, String>,
    /// Checked for names that nobody has, so that the time tells nothing.
    decoy: String,
    right: Mutex<Remembered>,
    one_at_a_time: Arc<Semaphore>,
}

impl Users {
    /// Takes the hash of each user's password.
    pub(super) fn new(hashes: BTreeMap<String, String>) -> Result<Self, String> {
        let mut decoy = String::new();
        let mut highest = 0;
        for (user, hash) in &hashes {
            let parts = bcrypt::HashParts::from_str(hash).map_err(|_| {
                format!(
                    "basic_auth_users: what stands for user {user:?} is no bcrypt hash: make one with `htpasswd -nBC 10 \"\"`"
                )
            })?;
            let cost = parts.get_cost();
            if cost > MAX_COST {
                return Err(format!(
                    "basic_auth_users: the hash of user {user:?} has cost {cost}, which takes too long to check: at most {MAX_COST}, 10 is usual"
                ));
            }
            if cost > highest {
                highest = cost;
                decoy.clone_from(hash);
            }
        }
        Ok(Self {
            hashes,
            decoy,
            right: Mutex::new(Remembered::default()),
            one_at_a_time: Arc::new(Semaphore::new(1)),
        })
    }

    /// True where the request names a user and its password.
    pub(super) async fn admit(&self, headers: &HeaderMap) -> bool {
        let Some((user, password)) = credentials(headers) else {
            return false;
        };
        let known = self.hashes.get(&user);
        let hash = known.unwrap_or(&self.decoy).clone();
        let print = self.lock().print(&user, &password, &hash);
        if known.is_some() && self.lock().contains(print) {
            return true;
        }
        // Closed never, so that this does not fail. The permit goes with the work, which runs on
        // when the client has gone.
        let Ok(permit) = Arc::clone(&self.one_at_a_time).acquire_owned().await else {
            return false;
        };
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            bcrypt::verify(password, &hash).unwrap_or(false)
        });
        let is_right = checked.await.unwrap_or(false) && known.is_some();
        if is_right {
            self.lock().add(print);
        }
        is_right
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 7617.
pub(crate) fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Checks that were right, without the passwords: 128 bits of them under keys that are made at start and
/// leave the process never.
#[derive(Debug, Default)]
struct Remembered {
    keys: [RandomState; 2],
    prints: VecDeque<[u64; 2]>,
}

impl Remembered {
    fn print(&self, user: &str, password: &str, hash: &str) -> [u64; 2] {
        [&self.keys[0], &self.keys[1]].map(|key| key.hash_one((user, password, hash)))
    }

    fn contains(&self, print: [u64; 2]) -> bool {
        self.prints.contains(&print)
    }

    /// The oldest makes room.
    fn add(&mut self, print: [u64; 2]) {
        if self.contains(print) {
            return;
        }
        if self.prints.len() == REMEMBERED {
            self.prints.pop_front();
        }
        self.prints.push_back(print);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        headers
    }

    fn basic(credentials: &str) -> HeaderMap {
        headers(&format!("Basic {}", BASE64_STANDARD.encode(credentials)))
    }

    fn users() -> Users {
        let hash = bcrypt::hash("s3cret:with colon", 4).unwrap();
        Users::new([("alice".to_owned(), hash)].into()).unwrap()
    }

    fn admitted(users: &Users, headers: &HeaderMap) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        runtime.block_on(users.admit(headers))
    }

    #[test]
    fn only_who_knows_the_password_is_admitted() {
        let users = users();
        assert!(admitted(&users, &basic("alice:s3cret:with colon")));
        assert!(admitted(&users, &basic("alice:s3cret:with colon")), "again");
        for wrong in [
            "alice:",
            "alice:s3cret",
            "bob:s3cret:with colon",
            ":",
            "alice",
        ] {
            assert!(!admitted(&users, &basic(wrong)), "{wrong}");
        }
        for wrong in ["", "Basic", "Basic %%%", "Bearer abc"] {
            assert!(!admitted(&users, &headers(wrong)), "{wrong}");
        }
        assert!(!admitted(&users, &HeaderMap::new()));
        assert_eq!(
            users.lock().prints.len(),
            1,
            "only what is right is remembered"
        );
    }

    #[test]
    fn the_password_of_a_decoy_admits_nobody() {
        let users = users();
        assert!(!admitted(&users, &basic("mallory:s3cret:with colon")));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut remembered = Remembered::default();
        for i in 0..1000 {
            let print = remembered.print("alice", &i.to_string(), "hash");
            remembered.add(print);
        }
        assert_eq!(remembered.prints.len(), REMEMBERED);
        assert!(remembered.contains(remembered.print("alice", "999", "hash")));
        assert!(!remembered.contains(remembered.print("alice", "999", "another hash")));
    }

    #[test]
    fn hashes_are_checked_when_they_are_read() {
        let error =
            |hash: &str| Users::new([("bob".to_owned(), hash.to_owned())].into()).unwrap_err();
        assert!(error("plain").contains("\"bob\""));
        assert!(!error("plain").contains("plain"));
        let slow = bcrypt::hash("x", 4).unwrap().replace("$04$", "$31$");
        assert!(error(&slow).contains("cost 31"));
    }
}
