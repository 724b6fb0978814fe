use super::*;
use crate::explain::{
    ExplainFacts, Explanation, Layer, LayerLimit, LayerName, Outcome, OutcomeKind, explain,
};
use crate::host::Program;
use crate::model::Comm;
use crate::model::testing::socket;
use crate::policy::{Judged, Policy};
use crate::text::escape::is_hostile;

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn lines_fit_the_width_but_for_what_is_copied() {
    let (socket, policy) = (socket(), Policy::default());
    let judged = Judged::by(&policy, &socket);
    let explanation = explain(&socket, &judged.judgement, &ExplainFacts::default());
    for width in [50, 80, 120] {
        let mut all = heading(&judged, 3, width);
        all.extend(lines(&explanation, width));
        for line in all.iter().filter(|line| line.paint != Paint::Code) {
            let title = line.paint == Paint::Title;
            assert!(
                title || line.text.chars().count() <= width,
                "{width}: {line:?}"
            );
        }
    }
    let heading = heading(&judged, 3, 80);
    assert_eq!(
        texts(&heading),
        [
            "10.0.3.7:51122 -> 203.0.113.9:443, established, 812/python3",
            "unprotected, ok, off, cookie 4711, the most dangerous of 3 that match",
        ]
    );
}

#[test]
fn limits_have_their_words() {
    let layer = |limit| Layer {
        name: LayerName::Read,
        limit,
        from: "SO_RCVTIMEO".into(),
        detail: "why".into(),
    };
    let explanation = Explanation {
        layers: [
            LayerLimit::Ms(2500),
            LayerLimit::Unlimited,
            LayerLimit::Unknown,
            LayerLimit::NotApplicable,
        ]
        .map(layer)
        .to_vec(),
        outcome: Outcome {
            kind: OutcomeKind::Exempt,
            in_ms: None,
            text: "Text.".into(),
        },
        change: None,
    };
    assert_eq!(
        texts(&lines(&explanation, 80)),
        [
            "LAYER       WAITS     WHY",
            "read        2.5 s     SO_RCVTIMEO: why",
            "read        no limit  SO_RCVTIMEO: why",
            "read        ?         SO_RCVTIMEO: why",
            "read        -         SO_RCVTIMEO: why",
            "",
            "Text.",
        ]
    );
    let mut colored = Vec::new();
    write(&mut colored, &lines(&explanation, 80), true).unwrap();
    let colored = String::from_utf8(colored).unwrap();
    assert!(colored.contains("\x1b[31mread        no limit"));
    assert!(!colored.contains("\x1b[31mread        2.5 s"));
}

#[test]
fn hostile_names_are_escaped() {
    let mut socket = socket();
    socket.owners[0].comm = Comm::new(b"a\x1b[2Jb\n");
    let policy = Policy::default();
    let facts = ExplainFacts {
        program: Some(Program {
            exe: b"/x\x1b]0;y\x07".to_vec(),
            ..Program::default()
        }),
        resolver: Some(crate::host::Resolver {
            conf: crate::host::resolver::ResolvConf::default(),
            services: Some(vec!["\x1b[31m\u{202e}".into()]),
        }),
        ..ExplainFacts::default()
    };
    let judged = Judged::by(&policy, &socket);
    let explanation = explain(&socket, &judged.judgement, &facts);
    let mut all = heading(&judged, 1, 80);
    all.extend(lines(&explanation, 80));
    for line in all {
        assert!(!line.text.contains(is_hostile), "{line:?}");
    }
}
