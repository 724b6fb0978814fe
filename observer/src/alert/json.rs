//! Alerts as `POST /api/v2/alerts` of Alertmanager takes them: a JSON array.

use super::Alert;
use crate::text::escape::push_json;

/// The body of a request.
#[must_use]
pub fn body<A: AsRef<Alert>>(alerts: &[A]) -> Vec<u8> {
    let mut out = vec![b'['];
    for (index, alert) in alerts.iter().map(AsRef::as_ref).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"labels\":");
        push_object(&mut out, &alert.labels());
        out.extend_from_slice(b",\"annotations\":");
        push_object(&mut out, &alert.annotations);
        out.extend_from_slice(b",\"startsAt\":");
        push_json(&mut out, alert.starts_at.to_string().as_bytes());
        out.extend_from_slice(b",\"endsAt\":");
        push_json(&mut out, alert.ends_at.to_string().as_bytes());
        out.push(b'}');
    }
    out.push(b']');
    out
}

fn push_object(out: &mut Vec<u8>, pairs: &[(&'static str, String)]) {
    out.push(b'{');
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_json(out, name.as_bytes());
        out.push(b':');
        push_json(out, value.as_bytes());
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::alert::{AlertState, Group, kind};

    #[test]
    fn labels_and_annotations_decode_to_themselves() {
        let alert = Alert {
            group: Group {
                kind: &kind::STALE,
                workload: "a\\\"b".into(),
                remote: "[2001:db8::1]:443"
                    .parse::<std::net::SocketAddr>()
                    .unwrap()
                    .into(),
                verdict: None,
            },
            state: AlertState::Firing,
            host: "web-1".into(),
            starts_at: "2026-11-21T08:00:00.5Z".parse().unwrap(),
            ends_at: "2026-11-21T08:16:00Z".parse().unwrap(),
            annotations: vec![
                ("example", "\u{202e}\n".to_owned()),
                ("sockets", "2".to_owned()),
            ],
        };
        let body = body(&[Arc::new(alert)]);
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"[{"labels":{"alertname":"KeepaliveStale","host":"web-1","remote":"[2001:db8::1]:443","severity":"critical","verdict":"unknown","workload":"a\\\"b"},"annotations":{"example":"\u202e\u000a","sockets":"2"},"startsAt":"2026-11-21T08:00:00.5Z","endsAt":"2026-11-21T08:16:00Z"}]"#
        );
        assert_eq!(super::body::<Arc<Alert>>(&[]), b"[]");
    }
}
