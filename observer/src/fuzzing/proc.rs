//! Files and links below `/proc`, and what programs leave in their own files.

use std::hint::black_box;

use super::input::Input;
use crate::doctor::host::{Lockdown, parse_clock_offset};
use crate::exporter::metrics::process::Stat;
use crate::host::elf::Built;
use crate::host::resolver::{ResolvConf, hosts_services};
use crate::host::{netns, process, program, python, sockstat, sysctl};
use crate::model::Comm;

const FILES: [fn(&[u8]); 11] = [
    sockets_in_use,
    number,
    links,
    mappings,
    resolv_conf,
    nsswitch_conf,
    script,
    folder,
    elf,
    stat,
    doctor,
];

/// Reads a file; the first byte chooses which.
pub fn check(input: &[u8]) {
    let mut rest = Input(input);
    let file = rest.one_of(FILES);
    file(rest.0);
}

fn sockets_in_use(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for protocol in ["TCP:", "TCP6:"] {
        if let Some(count) = sockstat::in_use(&text, protocol) {
            assert!(text.contains(protocol) && text.contains(&count.to_string()));
        }
    }
}

fn number(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(number) = sysctl::parse(&text) {
        assert_eq!(sysctl::parse(&format!("{number}\n")), Some(number));
    }
}

fn links(bytes: &[u8]) {
    if let Some(inode) = process::socket_inode(bytes) {
        assert_eq!(
            process::socket_inode(format!("socket:[{inode}]").as_bytes()),
            Some(inode)
        );
    }
    let text = String::from_utf8_lossy(bytes);
    if let Some(inode) = netns::parse_link(&text) {
        assert_eq!(netns::parse_link(&format!("net:[{inode}]")), Some(inode));
    }
    let comm = Comm::new(bytes);
    assert!(comm.as_bytes().len() <= 16 && bytes.starts_with(comm.as_bytes()));
}

fn mappings(bytes: &[u8]) {
    let paths = program::mapped(bytes);
    assert!(paths.is_sorted() && paths.iter().all(|path| path.starts_with(b"/")));
    assert!(paths.iter().map(Vec::len).sum::<usize>() <= bytes.len());
}

fn resolv_conf(bytes: &[u8]) {
    let conf = ResolvConf::parse(bytes);
    assert!((1..=3).contains(&conf.nameservers));
    assert!(conf.timeout_s <= 30 && conf.attempts <= 5);
    // Three servers, each waited for 30 s at first, five times.
    assert!(conf.one_name_ms() <= 5 * (30 + 20 + 40) * 1000);
    assert!((1..=2).contains(&conf.names_asked()));
}

fn nsswitch_conf(bytes: &[u8]) {
    for service in hosts_services(bytes).unwrap_or_default() {
        assert!(!service.is_empty() && !service.contains(char::is_whitespace));
    }
}

fn script(bytes: &[u8]) {
    for library in python::imports(bytes) {
        assert!(
            bytes
                .windows(library.len())
                .any(|part| part == library.as_bytes())
        );
    }
}

fn folder(bytes: &[u8]) {
    let names: Vec<Vec<u8>> = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for library in python::LIBRARIES {
        if let Some(Some(version)) = python::installed(&names, library) {
            assert!(!version.contains('\n'));
        }
    }
}

fn elf(bytes: &[u8]) {
    let (mut reads, mut read_bytes) = (0_usize, 0_usize);
    let built = Built::parse(&mut |at, len| {
        let at = usize::try_from(at).ok()?;
        let part = bytes.get(at..at.checked_add(len)?)?;
        reads += 1;
        read_bytes += len;
        Some(part.to_vec())
    });
    // The header, the table and the names, then each section once.
    assert!(reads <= 5, "{reads} reads");
    assert!(read_bytes <= 5 * bytes.len());
    black_box(built);
}

fn stat(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    black_box(Stat::parse(&text, 100, 4096));
}

fn doctor(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(lockdown) = Lockdown::parse(&text) {
        assert!(text.contains(&format!("[{}]", lockdown.name())));
    }
    black_box(parse_clock_offset(&text));
}
