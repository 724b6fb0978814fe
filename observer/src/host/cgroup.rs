//! Control groups of processes and sockets.

use std::collections::HashMap;
use std::os::unix::fs::DirEntryExt;
use std::path::Path;
use std::sync::Arc;

use super::mount::{self, Mount};
use crate::model::Cgroup;

/// The id of the cgroup2 root. With version 1 hierarchies every process may have this one.
const ROOT_ID: u64 = 1;
/// Entries kept of each kind; a host with more forgets and reads again.
const CAPACITY: usize = 16_384;
/// Directories looked at in one walk of the cgroup2 tree.
const WALK_LIMIT: usize = 65_536;

/// Control groups that were looked up.
///
/// Ids of cgroups are never used again, so what is known by id holds. Processes move and their
/// ids are used again, so call [`CgroupCache::forget_processes`] before each scan.
#[derive(Debug, Default)]
pub struct CgroupCache {
    by_pid: HashMap<u32, Option<Arc<Cgroup>>>,
    by_id: HashMap<u64, Arc<Cgroup>>,
    /// Paths of the cgroup2 tree by inode number, read when first asked for.
    tree: Option<HashMap<u64, String>>,
}

impl CgroupCache {
    /// Forgets what may have changed since the last scan.
    pub fn forget_processes(&mut self) {
        self.by_pid.clear();
        self.tree = None;
    }

    /// The control group of a process, from `/proc/PID/cgroup`. `cgroup_id` is that of the
    /// process in the cgroup2 hierarchy, where it is known: it spares reading the file for each
    /// process of a group. `None` when the process has ended.
    pub fn by_process(&mut self, pid: u32, cgroup_id: Option<u64>) -> Option<Arc<Cgroup>> {
        let id = cgroup_id.filter(|id| *id > ROOT_ID);
        let known = match id {
            Some(id) => self.by_id.get(&id).cloned().map(Some),
            None => self.by_pid.get(&pid).cloned(),
        };
        if let Some(known) = known {
            return known;
        }
        let text = std::fs::read(format!("/proc/{pid}/cgroup"));
        let cgroup = text.ok().and_then(|text| {
            Some(Arc::new(Cgroup::parse(process_path(
                &String::from_utf8_lossy(&text),
            )?)))
        });
        match (id, &cgroup) {
            (Some(id), Some(cgroup)) => insert(&mut self.by_id, id, Arc::clone(cgroup)),
            (Some(_), None) => {}
            (None, _) => insert(&mut self.by_pid, pid, cgroup.clone()),
        }
        cgroup
    }

    /// The control group with this id in the cgroup2 hierarchy: the inode number of its
    /// directory. `None` where it was removed or no cgroup2 is mounted.
    pub fn by_id(&mut self, id: u64) -> Option<Arc<Cgroup>> {
        // Of no group: not worth a walk of the tree.
        if id == 0 {
            return None;
        }
        if let Some(known) = self.by_id.get(&id) {
            return Some(Arc::clone(known));
        }
        let tree = self.tree.get_or_insert_with(|| {
            let mounts = mount::mounts();
            root_mount(&mounts).map_or_else(HashMap::new, |m| walk(Path::new(&m.point)))
        });
        let cgroup = Arc::new(Cgroup::parse(tree.get(&id)?));
        insert(&mut self.by_id, id, Arc::clone(&cgroup));
        Some(cgroup)
    }
}

fn insert<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= CAPACITY {
        map.clear();
    }
    map.insert(key, value);
}

/// The mount that shows most of the cgroup2 hierarchy. In a container with a cgroup namespace, `/`
/// is the container's own group, and the host's root, if it is mounted there, is `/../..`.
pub(crate) fn root_mount(mounts: &[Mount]) -> Option<&Mount> {
    let unified = mounts.iter().filter(|m| m.fs == "cgroup2");
    unified
        .filter(|m| m.root == "/" || is_above(&m.root))
        .max_by_key(|m| m.root.len())
}

/// Test for a path that leads out of this process's cgroup namespace and no further: it names no group.
pub(crate) fn is_above(path: &str) -> bool {
    let mut parts = path.split('/').skip(1).peekable();
    parts.peek().is_some() && parts.all(|part| part == "..")
}

/// The path that says most about a process: in the cgroup2 hierarchy unless it is the root there,
/// else in systemd's own hierarchy of version 1. `None` where it has no name in this namespace.
pub(crate) fn process_path(text: &str) -> Option<&str> {
    let unified = text.lines().find_map(|line| line.strip_prefix("0::"));
    let systemd = || {
        text.lines()
            .find_map(|line| Some(line.split_once(":name=systemd:")?.1))
    };
    let path = unified
        .filter(|path| *path != "/")
        .or_else(systemd)
        .or(unified)?;
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    (!is_above(path)).then_some(path)
}

/// All directories below `root` by inode number, with their paths from it.
fn walk(root: &Path) -> HashMap<u64, String> {
    let mut tree = HashMap::from([(ROOT_ID, "/".to_owned())]);
    let mut pending = vec![(root.to_owned(), String::new())];
    while let Some((directory, path)) = pending.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            if tree.len() >= WALK_LIMIT {
                return tree;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = format!("{path}/{}", entry.file_name().to_string_lossy());
                tree.insert(entry.ino(), path.clone());
                pending.push((entry.path(), path));
            }
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_that_says_most_is_taken() {
        let cases = [
            (
                "0::/system.slice/etl.service\n",
                Some("/system.slice/etl.service"),
            ),
            (
                "9:name=systemd:/a.service\n1:cpu:/x\n0::/\n",
                Some("/a.service"),
            ),
            (
                "9:name=systemd:/a.service\n0::/b.service\n",
                Some("/b.service"),
            ),
            ("4:memory:/x\n0::/\n", Some("/")),
            ("0::/a:name=systemd:/b\n", Some("/a:name=systemd:/b")),
            ("0::/gone.scope (deleted)\n", Some("/gone.scope")),
            ("4:memory:/x\n", None),
            ("", None),
            // From within a pod: of another pod, of a service of the node, of the group above.
            (
                "0::/../../../kubepods-besteffort.slice/cri-containerd-a.scope\n",
                Some("/../../../kubepods-besteffort.slice/cri-containerd-a.scope"),
            ),
            (
                "0::/../../../../system.slice/sshd.service\n",
                Some("/../../../../system.slice/sshd.service"),
            ),
            ("0::/..\n", None),
            ("0::/../..\n", None),
            ("0::/..a\n", Some("/..a")),
        ];
        for (text, expected) in cases {
            assert_eq!(process_path(text), expected, "{text}");
        }
    }

    #[test]
    fn the_mount_of_the_hosts_root_is_walked() {
        let mount = |fs: &str, root: &str| Mount {
            root: root.to_owned(),
            point: format!("/at{root}"),
            fs: fs.to_owned(),
        };
        let cases = [
            (vec![("cgroup2", "/")], Some("/")),
            // A container's own, and the host's mounted into it.
            (
                vec![("cgroup2", "/"), ("cgroup2", "/../../../..")],
                Some("/../../../.."),
            ),
            (vec![("cgroup2", "/system.slice"), ("cgroup", "/")], None),
            (vec![("cgroup2", "/../other")], None),
        ];
        for (mounts, expected) in cases {
            let mounts: Vec<_> = mounts.iter().map(|(fs, root)| mount(fs, root)).collect();
            let found = root_mount(&mounts);
            assert_eq!(found.map(|m| m.root.as_str()), expected, "{mounts:?}");
        }
    }

    #[test]
    fn processes_are_read_once_and_forgotten() {
        let mut cache = CgroupCache::default();
        let own = cache.by_process(std::process::id(), None);
        assert!(own.is_some());
        let again = cache.by_process(std::process::id(), Some(ROOT_ID));
        assert!(own.zip(again).is_some_and(|(a, b)| Arc::ptr_eq(&a, &b)));
        assert_eq!(cache.by_process(u32::MAX, None), None);
        cache.forget_processes();
        assert!(cache.by_pid.is_empty());
    }

    #[test]
    fn directories_are_found_by_inode() -> std::io::Result<()> {
        let root = std::env::temp_dir().join(format!("observer-cgroup-{}", std::process::id()));
        let nested = root.join("a.slice").join("b.service");
        std::fs::create_dir_all(&nested)?;
        let inode = rustix::fs::stat(&nested).map(|s| s.st_ino);
        let tree = walk(&root);
        std::fs::remove_dir_all(&root)?;
        assert_eq!(
            tree.get(&inode?).map(String::as_str),
            Some("/a.slice/b.service")
        );
        Ok(())
    }
}
