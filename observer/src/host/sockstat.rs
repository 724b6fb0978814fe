//! How many TCP sockets a network namespace holds, without looking at any.

use std::io;

/// TCP sockets in use, IPv4 and IPv6 together, in the network namespace of process `pid`, or of
/// the calling thread: `inuse` of `/proc/PID/net/sockstat` and `sockstat6`. Counts every socket
/// with a protocol block: also listening, unconnected and orphaned ones, not TIME_WAIT.
///
/// # Errors
/// When the process has ended, may not be read, or the kernel's format is another.
pub fn tcp_in_use(pid: Option<u32>) -> io::Result<u64> {
    let task = pid.map_or_else(|| "thread-self".to_owned(), |pid| pid.to_string());
    let ipv4 = std::fs::read_to_string(format!("/proc/{task}/net/sockstat"))?;
    let in_use = parse(&ipv4, "TCP:").ok_or(io::ErrorKind::InvalidData)?;
    // The file is missing where IPv6 is.
    let ipv6 = std::fs::read_to_string(format!("/proc/{task}/net/sockstat6")).unwrap_or_default();
    Ok(in_use + parse(&ipv6, "TCP6:").unwrap_or(0))
}

/// The number after `inuse` in the line that begins with `protocol`.
fn parse(text: &str, protocol: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(protocol))?;
    let mut words = line.split_ascii_whitespace();
    words.find(|word| *word == "inuse")?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_format() {
        let text =
            "sockets: used 30\nTCP: inuse 6 orphan 0 tw 3 alloc 9 mem 1\nUDP: inuse 2 mem 0\n";
        assert_eq!(parse(text, "TCP:"), Some(6));
        assert_eq!(parse("TCP6: inuse 4\n", "TCP6:"), Some(4));
        for bad in ["", "TCP:", "TCP: inuse", "TCP: inuse x", "UDP: inuse 1"] {
            assert_eq!(parse(bad, "TCP:"), None, "{bad}");
        }
    }

    #[test]
    fn a_listener_is_counted() -> io::Result<()> {
        let _listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        assert!(tcp_in_use(None)? >= 1);
        assert!(tcp_in_use(Some(std::process::id()))? >= 1);
        assert!(tcp_in_use(Some(u32::MAX)).is_err());
        Ok(())
    }
}
