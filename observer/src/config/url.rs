//! The URL of a sink, whose password is never shown.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::Scheme;

/// An http or https URL with a host.
#[derive(Clone, PartialEq, Eq)]
pub struct SinkUrl {
    /// As it was written, user and password included.
    written: Box<str>,
    /// Without them.
    uri: Uri,
}

/// Reason why a text is no URL of a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It cannot be parsed, or a part is missing.
    #[error("no URL: write scheme and host, such as http://127.0.0.1:9093")]
    Syntax,
    /// A scheme that alerts cannot be sent by.
    #[error("alerts are sent by http or https: begin the URL with http:// or https://")]
    Scheme,
    /// Neither would be sent.
    #[error("the part from # on is never sent: leave it out")]
    Fragment,
}

impl FromStr for SinkUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        // Uri drops it silently.
        if text.contains('#') {
            return Err(UrlError::Fragment);
        }
        let whole: Uri = text.parse().map_err(|_| UrlError::Syntax)?;
        match whole.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => {}
            Some(_) => return Err(UrlError::Scheme),
            None => return Err(UrlError::Syntax),
        }
        let mut parts = whole.into_parts();
        let authority = parts.authority.take().ok_or(UrlError::Syntax)?;
        let place = match authority.as_str().rsplit_once('@') {
            // Brackets are for IPv6 addresses; hyper takes them here too.
            Some((user_info, _)) if user_info.contains(['[', ']']) => return Err(UrlError::Syntax),
            Some((_, place)) => place.parse().map_err(|_| UrlError::Syntax)?,
            None => authority,
        };
        // A port that is no number of 16 bits is kept, but is no port.
        let host_and_port = place.as_str().len();
        if place.host().is_empty()
            || (place.host().len() < host_and_port && place.port_u16().is_none())
        {
            return Err(UrlError::Syntax);
        }
        parts.authority = Some(place);
        Ok(Self {
            written: text.into(),
            uri: Uri::from_parts(parts).map_err(|_| UrlError::Syntax)?,
        })
    }
}

impl SinkUrl {
    /// URL without user and password.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// True where it asks for TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }

    /// `user:password`, decoded, as basic authentication sends it; `None` where the URL names no
    /// user.
    #[must_use]
    pub fn credentials(&self) -> Option<Vec<u8>> {
        let (user, password) = self.user_and_password()?;
        let mut credentials = percent_decoded(user);
        credentials.push(b':');
        credentials.extend(percent_decoded(password.unwrap_or_default()));
        Some(credentials)
    }

    fn user_and_password(&self) -> Option<(&str, Option<&str>)> {
        let (_, after_scheme) = self.written.split_once("://")?;
        let end = after_scheme.find(['/', '?']).unwrap_or(after_scheme.len());
        let (user_info, _) = after_scheme.get(..end)?.rsplit_once('@')?;
        Some(match user_info.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (user_info, None),
        })
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let byte = match after {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match byte {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// With `***` in place of a password: this is what files, logs and labels show.
impl fmt::Display for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((user, Some(password))) = self.user_and_password() else {
            return f.write_str(&self.written);
        };
        let (scheme, after) = self.written.split_once("://").unwrap_or_default();
        let place = after.get(user.len() + 1 + password.len()..);
        write!(f, "{scheme}://{user}:***{}", place.unwrap_or_default())
    }
}

impl fmt::Debug for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> SinkUrl {
        text.parse().unwrap()
    }

    #[test]
    fn the_password_is_sent_and_never_shown() {
        let secret = url("https://ob%40server:pa%3Ass@alerts.example:8443/a@b?c=d");
        assert_eq!(
            secret.to_string(),
            "https://ob%40server:***@alerts.example:8443/a@b?c=d"
        );
        assert!(!format!("{secret:?}").contains("pa%3Ass"));
        assert_eq!(secret.uri(), "https://alerts.example:8443/a@b?c=d");
        assert_eq!(secret.credentials().unwrap(), b"ob@server:pa:ss");
        assert!(secret.is_https());
    }

    #[test]
    fn without_a_password_it_is_shown_as_written() {
        for text in [
            "http://127.0.0.1:9093",
            "http://[::1]:9093/am",
            "http://user@host",
            "https://hooks.example/services/a@b:c",
        ] {
            assert_eq!(url(text).to_string(), text);
        }
        assert_eq!(url("http://host/a:b@c").credentials(), None);
        assert_eq!(url("http://user@host").credentials().unwrap(), b"user:");
        assert_eq!(
            url("http://100%:%zz@host").credentials().unwrap(),
            b"100%:%zz"
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for text in [
            "",
            "alerts",
            "/a",
            "host:80",
            "http://",
            "http://h:99999/",
            "http:// h",
            "http://[:secret@h",
            "http://[::1]:secret@h",
            "http://u:secret]@h",
        ] {
            assert_eq!(text.parse::<SinkUrl>(), Err(UrlError::Syntax), "{text}");
        }
        for text in ["ftp://host/", "unix://run/x"] {
            assert_eq!(text.parse::<SinkUrl>(), Err(UrlError::Scheme), "{text}");
        }
        assert_eq!("http://h/#a".parse::<SinkUrl>(), Err(UrlError::Fragment));
    }
}
