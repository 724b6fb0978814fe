//! Observations: samples of `observer list`, and changes that `observer watch` prints.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// One connection in one scan.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// The middle of the scan.
    pub(super) at_s: f64,
    /// Duration of the scan: the socket was read at some moment of it.
    pub(super) scan_s: f64,
    pub(super) pid: u32,
    pub(super) cookie: u64,
    pub(super) local: SocketAddr,
    pub(super) keepalive: Keepalive,
    pub(super) data_s: f64,
    pub(super) quiet_s: f64,
    pub(super) limit_s: Option<f64>,
    pub(super) verdict: Option<String>,
    pub(super) health: Option<String>,
    pub(super) reasons: Vec<String>,
}

/// As observer reads it; `None` is unknown to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Keepalive {
    pub(super) enabled: Option<bool>,
    pub(super) idle_s: Option<u64>,
    pub(super) interval_s: Option<u64>,
    pub(super) probes: Option<u64>,
    pub(super) detect_s: Option<u64>,
}

impl Sample {
    /// Time of the last byte in either direction.
    pub(super) fn data_at_s(&self) -> f64 {
        self.at_s - self.data_s
    }

    /// Time at which the path forgets the connection, as far as this scan shows.
    pub(super) fn forgets_at_s(&self) -> Option<f64> {
        Some(self.at_s - self.quiet_s + self.limit_s?)
    }

    /// The time that is left until then.
    pub(super) fn left_s(&self) -> Option<f64> {
        Some(self.forgets_at_s()? - self.at_s)
    }
}

/// Start and end of a scan, in seconds since the lab began.
#[derive(Debug, Clone, Copy)]
pub(super) struct During {
    pub(super) from_s: f64,
    pub(super) to_s: f64,
}

/// The established connections to `remote` in a document of `observer list -o json`. One whose
/// silence is unknown is left out.
pub(super) fn samples(document: &str, during: During, remote: IpAddr) -> Result<Vec<Sample>> {
    let document: Value =
        serde_json::from_str(document).context("observer list printed no JSON")?;
    let at_s = f64::midpoint(during.from_s, during.to_s);
    let scan_s = during.to_s - during.from_s;
    let sockets = document["sockets"].as_array().context("no sockets")?;
    let samples = sockets.iter().filter(|socket| {
        let address = address(&socket["remote"]["addr"]);
        socket["state"] == "established" && address == Some(remote)
    });
    Ok(samples
        .filter_map(|socket| sample(socket, at_s, scan_s))
        .collect())
}

fn sample(socket: &Value, at_s: f64, scan_s: f64) -> Option<Sample> {
    let seconds = |value: &Value| Some(value.as_f64()? / 1000.0);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let keepalive = &socket["keepalive"];
    let local = &socket["local"];
    Some(Sample {
        at_s,
        scan_s,
        pid: u32::try_from(socket["owners"][0]["pid"].as_u64()?).ok()?,
        cookie: socket["cookie"].as_u64()?,
        local: SocketAddr::new(
            address(&local["addr"])?,
            u16::try_from(local["port"].as_u64()?).ok()?,
        ),
        keepalive: Keepalive {
            enabled: keepalive["enabled"].as_bool(),
            idle_s: keepalive["idle_s"].as_u64(),
            interval_s: keepalive["interval_s"].as_u64(),
            probes: keepalive["probes"].as_u64(),
            detect_s: keepalive["detect_s"].as_u64(),
        },
        data_s: seconds(&socket["idle"]["data_ms"])?,
        quiet_s: seconds(&socket["idle"]["quiet_ms"])?,
        limit_s: socket["path"]["limit_s"].as_f64(),
        verdict: text(&socket["verdict"]),
        health: text(&socket["health"]),
        reasons: socket["reasons"]
            .as_array()?
            .iter()
            .filter_map(text)
            .collect(),
    })
}

/// A v4-mapped address is an IPv4 one to the middlebox; Java has them.
fn address(value: &Value) -> Option<IpAddr> {
    let address: IpAddr = value.as_str()?.parse().ok()?;
    Some(address.to_canonical())
}

/// The samples of one connection that count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moments {
    /// The first in the second half of the limit's way.
    pub(super) half: Sample,
    /// The last before the limit.
    pub(super) before: Sample,
    /// The first after it.
    pub(super) after: Option<Sample>,
}

/// Distance from the limit within which a sample may be on either side of it: a scan takes its time.
const MARGIN_S: f64 = 0.2;

/// Share of the limit that counts as half: scans come at no exact time.
const HALF: f64 = 0.4;

/// Chooses among the samples of one connection, oldest first.
pub(super) fn moments(samples: &[Sample], limit_s: f64) -> Option<Moments> {
    let half = samples
        .iter()
        .find(|sample| (HALF * limit_s..limit_s).contains(&sample.data_s))?;
    let over_s = half.at_s - half.quiet_s + limit_s;
    let of_it = || samples.iter().filter(|sample| sample.cookie == half.cookie);
    let off_s = |sample: &Sample| MARGIN_S + (sample.scan_s + half.scan_s) / 2.0;
    Some(Moments {
        half: half.clone(),
        before: of_it()
            .rfind(|sample| sample.at_s < over_s - off_s(sample))?
            .clone(),
        after: of_it()
            .find(|sample| sample.at_s >= over_s + off_s(sample))
            .cloned(),
    })
}

/// A change of health, as `observer watch` prints it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) at_s: f64,
    pub(super) health: String,
}

/// The changes of the connection with this client's end, from lines and when they came.
///
/// `HH:MM:SS.mmm WAS -> IS PID/COMM LOCAL -> REMOTE quiet …`
pub(super) fn changes(lines: &[(f64, String)], local: SocketAddr) -> Vec<Change> {
    let mapped = match local {
        SocketAddr::V4(v4) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        SocketAddr::V6(_) => local,
    };
    let ends = [local, mapped].map(|end| format!(" {end} -> "));
    let of_it = lines
        .iter()
        .filter(|(_, line)| ends.iter().any(|end| line.contains(end)));
    of_it
        .filter_map(|(at_s, line)| {
            let (_was, rest) = line.split_once(" -> ")?;
            Some(Change {
                at_s: *at_s,
                health: rest.split(' ').next()?.to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A connection without keepalive whose last byte was at 1 s, scanned so much later.
    pub(crate) fn silent(for_s: f64, health: &str) -> Sample {
        Sample {
            at_s: 1.0 + for_s,
            scan_s: 0.0,
            pid: 812,
            cookie: 4711,
            local: "192.0.2.1:51122".parse().unwrap(),
            keepalive: Keepalive {
                enabled: Some(false),
                idle_s: Some(7200),
                interval_s: Some(75),
                probes: Some(9),
                detect_s: None,
            },
            data_s: for_s,
            quiet_s: for_s,
            limit_s: Some(5.0),
            verdict: Some("unprotected".to_owned()),
            health: Some(health.to_owned()),
            reasons: vec!["off".to_owned()],
        }
    }

    const AT: During = During {
        from_s: 3.5,
        to_s: 3.5,
    };

    const DOCUMENT: &str = r#"{"sockets": [{
        "cookie": 4711, "state": "established",
        "local": {"addr": "::ffff:192.0.2.1", "port": 51122},
        "remote": {"addr": "::ffff:198.51.100.1", "port": 443},
        "owners": [{"pid": 812, "comm": "python3", "fd": 5}],
        "keepalive": {"enabled": false, "idle_s": 7200, "interval_s": 75, "probes": 9,
                      "detect_s": null},
        "idle": {"data_ms": 2500, "quiet_ms": 2500},
        "path": {"limit_s": 5, "from": "5s"},
        "verdict": "unprotected", "health": "at-risk", "reasons": ["off"]}]}"#;

    #[test]
    fn a_document_has_a_sample() {
        let read = |text: &str, remote: &str| {
            let mut samples = samples(text, AT, remote.parse().unwrap()).unwrap();
            samples.pop()
        };
        assert_eq!(read(DOCUMENT, "198.51.100.1"), Some(silent(2.5, "at-risk")));
        assert_eq!(read(DOCUMENT, "198.51.100.2"), None);
        let unknown = DOCUMENT.replace("\"quiet_ms\": 2500", "\"quiet_ms\": null");
        assert_eq!(read(&unknown, "198.51.100.1"), None);
        assert!(samples("", AT, "198.51.100.1".parse().unwrap()).is_err());
    }

    #[test]
    fn moments_lie_about_the_limit() {
        let of = |seconds: &[f64]| {
            let samples: Vec<_> = seconds.iter().map(|s| silent(*s, "ok")).collect();
            moments(&samples, 5.0).map(|it| {
                let after = it.after.map(|sample| sample.data_s);
                (it.half.data_s, it.before.data_s, after)
            })
        };
        let all = [0.5, 1.5, 2.5, 3.5, 4.5, 4.9, 5.1, 5.5, 6.5];
        assert_eq!(of(&all), Some((2.5, 4.5, Some(5.5))));
        assert_eq!(of(&all[..4]), Some((2.5, 3.5, None)));
        assert_eq!(of(&[0.5, 1.5]), None);
        assert_eq!(of(&[7.0]), None);
        assert_eq!(of(&[4.9, 5.5]), None);
    }

    #[test]
    fn a_silence_is_left_until_the_limit() {
        let sample = silent(2.0, "ok");
        assert_eq!(sample.forgets_at_s(), Some(6.0));
        assert_eq!(sample.left_s(), Some(3.0));
    }

    #[test]
    fn changes_are_those_of_one_connection() {
        let lines = "08:00:02.500 ok -> at-risk 812/python3 192.0.2.1:51122 -> 198.51.100.1:8080 quiet 2s of 5s, keepalive off, timer off\n\
            08:00:05.000 at-risk -> stale 812/a -> b 192.0.2.1:51122 -> 198.51.100.1:8080 quiet 5s of 5s, keepalive off, timer off\n\
            08:00:06.000 ok -> at-risk 9/x 192.0.2.1:5112 -> 198.51.100.1:8080 quiet 2s of 5s, keepalive off, timer off\n\
            08:00:07.000 stale -> probing 812/java [::ffff:192.0.2.1]:51122 -> [::ffff:198.51.100.1]:8080 quiet 7s of 5s\n\
            no change\n";
        let lines: Vec<_> = lines.lines().map(str::to_owned).collect();
        let stamped: Vec<_> = [2.5, 5.0, 6.0, 7.0, 8.0].into_iter().zip(lines).collect();
        let changes = changes(&stamped, "192.0.2.1:51122".parse().unwrap());
        let seen: Vec<_> = changes
            .iter()
            .map(|c| (c.at_s, c.health.as_str()))
            .collect();
        assert_eq!(seen, [(2.5, "at-risk"), (5.0, "stale"), (7.0, "probing")]);
    }
}
