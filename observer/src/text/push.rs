//! Appends values to a buffer without a heap object each: tens of thousands of sockets go through
//! here.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::model::Timer;

/// Appends text as it is: a name of our own, never what comes from outside.
pub(crate) fn raw(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends an integer, `?` for one that is not known.
pub(crate) fn int_or_unknown(out: &mut Vec<u8>, value: Option<impl itoa::Integer>) {
    match value {
        Some(value) => int(out, value),
        None => out.push(b'?'),
    }
}

/// Appends an integer.
pub(crate) fn int(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an integer with at least two digits.
pub(crate) fn two_digits(out: &mut Vec<u8>, value: u64) {
    if value < 10 {
        out.push(b'0');
    }
    int(out, value);
}

/// Appends an address.
pub(crate) fn ip(out: &mut Vec<u8>, addr: IpAddr) {
    match addr {
        IpAddr::V4(addr) => {
            let [a, b, c, d] = addr.octets();
            int(out, a);
            for octet in [b, c, d] {
                out.push(b'.');
                int(out, octet);
            }
        }
        IpAddr::V6(addr) => {
            // Writing into a Vec cannot fail.
            drop(write!(out, "{addr}"));
        }
    }
}

/// Appends address and port, `*` for an end that does not exist.
pub(crate) fn end(out: &mut Vec<u8>, end: SocketAddr) {
    if end.port() == 0 && end.ip().is_unspecified() {
        out.push(b'*');
        return;
    }
    match end.ip() {
        addr @ IpAddr::V4(_) => ip(out, addr),
        addr @ IpAddr::V6(_) => {
            out.push(b'[');
            ip(out, addr);
            out.push(b']');
        }
    }
    out.push(b':');
    int(out, end.port());
}

/// Appends a duration for people, rounded down to its two longest units: `412ms`, `12s`, `5m12s`,
/// `1h54m`, `5d2h`.
pub(crate) fn duration(out: &mut Vec<u8>, ms: u64) {
    const UNITS: [(u64, u8); 4] = [(86_400, b'd'), (3600, b'h'), (60, b'm'), (1, b's')];
    let seconds = ms / 1000;
    if seconds == 0 {
        int(out, ms);
        out.extend_from_slice(b"ms");
        return;
    }
    let first = UNITS.iter().position(|(unit_s, _)| seconds >= *unit_s);
    let mut left_s = seconds;
    for (unit_s, letter) in UNITS.iter().skip(first.unwrap_or(0)).take(2) {
        let number = left_s / unit_s;
        left_s %= unit_s;
        if number > 0 {
            int(out, number);
            out.push(*letter);
        }
    }
}

/// Appends the time of day of milliseconds since 1970: `HH:MM:SS.mmm`, UTC.
pub(crate) fn time_of_day(out: &mut Vec<u8>, at_ms: i64) {
    let in_day_ms = at_ms.rem_euclid(86_400_000).unsigned_abs();
    two_digits(out, in_day_ms / 3_600_000);
    out.push(b':');
    two_digits(out, in_day_ms / 60_000 % 60);
    out.push(b':');
    two_digits(out, in_day_ms / 1000 % 60);
    out.push(b'.');
    let ms = in_day_ms % 1000;
    int(out, ms / 100);
    two_digits(out, ms % 100);
}

/// Appends a timer as netstat shows it, the same as [`Timer`]'s `Display` without its cost.
pub(crate) fn netstat(out: &mut Vec<u8>, timer: Timer) {
    out.extend_from_slice(timer.kind.name().as_bytes());
    out.extend_from_slice(b" (");
    int(out, timer.expires_ms / 1000);
    out.push(b'.');
    two_digits(out, timer.expires_ms % 1000 / 10);
    out.push(b'/');
    int(out, timer.retransmits);
    out.push(b'/');
    int(out, timer.unanswered);
    out.push(b')');
}

/// Number of characters that the bytes show as, given that they are escaped text.
pub(crate) fn chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|b| **b & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn durations_have_two_units() {
        let text = |ms| pushed(|out| duration(out, ms));
        assert_eq!(text(0), "0ms");
        assert_eq!(text(999), "999ms");
        assert_eq!(text(12_999), "12s");
        assert_eq!(text(312_000), "5m12s");
        assert_eq!(text(300_000), "5m");
        assert_eq!(text(6_899_200), "1h54m");
        assert_eq!(text(3_605_000), "1h");
        assert_eq!(text(440_000_000), "5d2h");
    }

    #[test]
    fn ends_show_as_they_are_typed() {
        let text = |addr: &str| pushed(|out| end(out, addr.parse().unwrap()));
        for addr in [
            "10.0.3.7:443",
            "0.0.0.0:22",
            "[::ffff:10.0.0.1]:443",
            "[::]:22",
        ] {
            assert_eq!(text(addr), addr);
        }
        assert_eq!(text("0.0.0.0:0"), "*");
        assert_eq!(text("[::]:0"), "*");
    }

    #[test]
    fn timers_look_as_the_model_shows_them() {
        let timer = Timer {
            kind: crate::model::TimerKind::Keepalive,
            expires_ms: 6_899_057,
            retransmits: 1,
            unanswered: 2,
        };
        assert_eq!(pushed(|out| netstat(out, timer)), timer.to_string());
        assert_eq!(pushed(|out| netstat(out, Timer::OFF)), "off (0.00/0/0)");
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(chars("größe 日本".as_bytes()), 8);
    }
}
