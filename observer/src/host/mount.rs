//! The mounts that this process sees.

/// One line of `/proc/self/mountinfo`, as far as observer needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Path within the file system that is mounted; `net:[4026532000]` for a namespace.
    pub(crate) root: String,
    /// Where it is mounted.
    pub(crate) point: String,
    /// Type of the file system.
    pub(crate) fs: String,
}

/// All mounts, in the order in which they were mounted; none where the file cannot be read.
pub(crate) fn mounts() -> Vec<Mount> {
    let text = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    parse_all(&String::from_utf8_lossy(&text))
}

/// Reads the file's text.
pub(crate) fn parse_all(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse).collect()
}

/// Reads `id parent major:minor root point options [optional fields] - type source super`.
fn parse(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(3);
    Some(Mount {
        root: unescape(fields.next()?),
        point: unescape(fields.next()?),
        fs: after.split(' ').next()?.to_owned(),
    })
}

/// The kernel writes space, tab, newline and backslash as a backslash and three octal digits.
fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part
            .get(..3)
            .and_then(|octal| u8::from_str_radix(octal, 8).ok());
        match byte.filter(u8::is_ascii) {
            Some(byte) => {
                text.push(char::from(byte));
                text.push_str(part.get(3..).unwrap_or_default());
            }
            None => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_with_and_without_optional_fields() {
        let mount = |root: &str, point: &str, fs: &str| {
            Some(Mount {
                root: root.into(),
                point: point.into(),
                fs: fs.into(),
            })
        };
        assert_eq!(
            parse("41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw"),
            mount("/", "/sys/fs/cgroup/unified", "cgroup2")
        );
        assert_eq!(
            parse(r"90 28 0:4 net:[4026532281] /run/netns/a\040b rw shared:3 - nsfs nsfs rw"),
            mount("net:[4026532281]", "/run/netns/a b", "nsfs")
        );
    }

    #[test]
    fn strange_lines_do_not_panic() {
        for line in ["", " - ", "1 2 3", "1 2 3 4 5 6 - ", r"1 2 3 \ \9é\ - x"] {
            drop(parse(line));
        }
        assert_eq!(unescape(r"a\134b\"), r"a\b\");
        assert_eq!(unescape(r"\777\0é"), r"\777\0é");
    }
}
