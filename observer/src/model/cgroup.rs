//! Systemd unit and container that a control group's path names.

/// A control group and what its path tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cgroup {
    /// Path below the hierarchy's root, or, where this process is in a cgroup namespace, from its
    /// own group: `/../../system.slice/etl.service`. Foreign input: escape it to print it.
    pub path: String,
    /// The innermost systemd service or scope, such as `etl.service`.
    pub unit: Option<String>,
    /// The container that the path belongs to.
    pub container: Option<Container>,
}

/// A container, as its runtime names its control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// `docker`, `containerd`, `crio`, `podman` or `unknown` where only an id is in the path.
    pub runtime: &'static str,
    /// The full container id as the path has it.
    pub id: String,
    /// The Kubernetes pod's uid, with dashes.
    pub pod_uid: Option<String>,
}

const RUNTIMES: [(&str, &str); 5] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("crio-", "crio"),
    ("libpod-", "podman"),
    ("nerdctl-", "containerd"),
];

impl Cgroup {
    /// Reads the path. Never fails: what it does not recognise it leaves out.
    #[must_use]
    pub fn parse(path: &str) -> Self {
        let pod_uid = path.split('/').find_map(pod_uid);
        let container = path.split('/').rev().find_map(|part| {
            let (runtime, id) = container(part, path)?;
            Some(Container {
                runtime,
                id,
                pod_uid: pod_uid.clone(),
            })
        });
        let unit = path
            .split('/')
            .rfind(|part| part.ends_with(".service") || part.ends_with(".scope"))
            .map(str::to_owned);
        Self {
            path: path.to_owned(),
            unit,
            container,
        }
    }
}

/// A container id: 64 hex digits in every runtime in use.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn container(part: &str, path: &str) -> Option<(&'static str, String)> {
    // containerd without systemd writes `<slice>:<prefix>:<id>`.
    if let Some((_, id)) = part.rsplit_once(":cri-containerd:")
        && is_id(id)
    {
        return Some(("containerd", id.to_owned()));
    }
    let name = part.strip_suffix(".scope").unwrap_or(part);
    for (prefix, runtime) in RUNTIMES {
        if let Some(id) = name.strip_prefix(prefix)
            && is_id(id)
        {
            return Some((runtime, id.to_owned()));
        }
    }
    if !is_id(name) {
        return None;
    }
    let runtime = if path.starts_with("/docker/") {
        "docker"
    } else if path.starts_with("/libpod_parent/") {
        "podman"
    } else {
        "unknown"
    };
    Some((runtime, name.to_owned()))
}

/// `kubepods-burstable-pod0f3a_….slice`, the same before `:cri-containerd:…`, or `pod0f3a-…`.
fn pod_uid(part: &str) -> Option<String> {
    let part = part.split_once(':').map_or(part, |(slice, _)| slice);
    let name = part.strip_suffix(".slice").unwrap_or(part);
    let (before, uid) = name.rsplit_once("pod")?;
    if !(before.is_empty() || before.starts_with("kubepods")) {
        return None;
    }
    let uid = uid.replace('_', "-");
    let hex = uid.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes = uid.bytes().filter(|b| *b == b'-').count();
    let is_uid = hex == 32 && uid.len() == hex + dashes && (dashes == 4 || dashes == 0);
    is_uid.then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const POD: &str = "0f3a1b2c-0000-4000-8000-123456789abc";

    fn container_of(path: &str) -> Option<(&'static str, Option<String>)> {
        let container = Cgroup::parse(path).container?;
        assert_eq!(container.id, ID);
        Some((container.runtime, container.pod_uid))
    }

    #[test]
    fn units_are_the_innermost_service_or_scope() {
        let unit = |path| Cgroup::parse(path).unit;
        assert_eq!(
            unit("/system.slice/etl.service").as_deref(),
            Some("etl.service")
        );
        assert_eq!(
            unit("/user.slice/user-1000.slice/user@1000.service/app.slice/foo.scope").as_deref(),
            Some("foo.scope")
        );
        assert_eq!(
            unit("/../../../../system.slice/sshd.service").as_deref(),
            Some("sshd.service")
        );
        assert_eq!(unit("/"), None);
        assert_eq!(unit(""), None);
    }

    #[test]
    fn containers_of_every_runtime() {
        let systemd = POD.replace('-', "_");
        let pod = Some(POD.to_owned());
        let cases = [
            (format!("/docker/{ID}"), ("docker", None)),
            (format!("/system.slice/docker-{ID}.scope"), ("docker", None)),
            (
                format!("/machine.slice/libpod-{ID}.scope/container"),
                ("podman", None),
            ),
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{systemd}.slice/cri-containerd-{ID}.scope"
                ),
                ("containerd", pod.clone()),
            ),
            (
                format!("/kubepods/besteffort/pod{POD}/{ID}"),
                ("unknown", pod.clone()),
            ),
            (
                format!("/kubepods.slice/kubepods-pod{systemd}.slice/crio-{ID}.scope"),
                ("crio", pod.clone()),
            ),
            (
                format!(
                    "/system.slice/containerd.service/kubepods-burstable-pod{systemd}.slice:cri-containerd:{ID}"
                ),
                ("containerd", pod.clone()),
            ),
            // From within a pod: another pod by systemd and by cgroupfs, and its own neighbour.
            (
                format!(
                    "/../../../kubepods-besteffort.slice/kubepods-besteffort-pod{systemd}.slice/cri-containerd-{ID}.scope"
                ),
                ("containerd", pod.clone()),
            ),
            (
                format!("/../../../kubepods-pod{systemd}.slice/crio-{ID}.scope/container"),
                ("crio", pod.clone()),
            ),
            (
                format!("/../../../besteffort/pod{POD}/{ID}"),
                ("unknown", pod.clone()),
            ),
            (
                format!("/../cri-containerd-{ID}.scope"),
                ("containerd", None),
            ),
            (format!("/../docker-{ID}.scope"), ("docker", None)),
        ];
        for (path, expected) in cases {
            let found = container_of(&path);
            assert_eq!(found.as_ref().map(|c| c.0), Some(expected.0), "{path}");
            assert_eq!(found.and_then(|c| c.1), expected.1, "{path}");
        }
        assert_eq!(container_of("/system.slice/docker-short.scope"), None);
        assert_eq!(container_of("/podium/pod-x"), None);
    }
}
