//! `/proc/PID/cgroup`, `/proc/self/mountinfo` and the paths of control groups.

use super::input::Input;
use crate::host::cgroup::{is_above, process_path, root_mount};
use crate::host::mount;
use crate::model::Cgroup;

/// Reads a file; the first byte chooses which.
pub fn check(input: &[u8]) {
    let mut rest = Input(input);
    let file = rest.byte() % 3;
    let text = String::from_utf8_lossy(rest.0);
    match file {
        0 => {
            if let Some(path) = process_path(&text) {
                assert!(text.contains(path) && !is_above(path));
                group(path);
            }
        }
        1 => group(&text),
        _ => mounts(&text),
    }
}

fn group(path: &str) {
    let group = Cgroup::parse(path);
    assert_eq!(group.path, path);
    if let Some(unit) = &group.unit {
        assert!(path.contains(unit.as_str()) && !unit.contains('/'));
    }
    if let Some(container) = &group.container {
        assert_eq!(container.id.len(), 64);
        assert!(path.contains(&container.id) && !container.runtime.is_empty());
        if let Some(uid) = &container.pod_uid {
            assert_eq!(uid.bytes().filter(u8::is_ascii_hexdigit).count(), 32);
        }
    }
}

fn mounts(text: &str) {
    let mounts = mount::parse_all(text);
    assert!(mounts.len() <= text.lines().count());
    for mount in &mounts {
        // An escape is longer than what it stands for.
        assert!(mount.root.len() + mount.point.len() + mount.fs.len() <= text.len());
    }
    assert!(root_mount(&mounts).is_none_or(|mount| mount.fs == "cgroup2"));
}
