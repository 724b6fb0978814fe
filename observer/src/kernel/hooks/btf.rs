//! BTF of the running kernel, as far as the hooks need it.

use aya::{Btf as AyaBtf, Endianness};
use observer_common::hook::{HookFacts, TCP_BYTES_MAX};

use super::plan::{self, Hook};
use crate::host::pid_namespace;
use crate::kernel::btf::{Btf, BtfKind};
use crate::kernel::error::KernelError;
use crate::kernel::layout::{LayoutError, ResolvedLayout};
use crate::kernel::load;

/// Content of BTF that the hooks need.
pub(super) struct HookBtf {
    pub(super) layout: ResolvedLayout,
    pub(super) facts: HookFacts,
    /// Types that aya looks up.
    pub(super) types: AyaBtf,
    /// Number of parameters of `inet_csk_accept`; its result comes after them.
    pub(super) accept_parameters: Option<u32>,
}

pub(super) fn read_btf() -> Result<HookBtf, KernelError> {
    let (btf, layout) = load::read_kernel_btf()?;
    let names = plan::btf_names();
    let mut wanted: Vec<(BtfKind, &str)> = names
        .iter()
        .map(|(kind, name)| (*kind, name.as_str()))
        .collect();
    wanted.push((BtfKind::Func, "bpf_get_socket_ptr_cookie"));
    wanted.push((BtfKind::Func, "bpf_get_current_task_btf"));
    wanted.push((BtfKind::Struct, "tcp_sock"));
    let ids = btf.find(&wanted);
    let id_of = |name: &str| {
        let at = wanted.iter().position(|(_, wanted)| *wanted == name)?;
        ids.get(at).copied().flatten()
    };
    let tcp_bytes = id_of("tcp_sock").and_then(|id| btf.size(id)).unwrap_or(0);
    if !(1..=TCP_BYTES_MAX).contains(&tcp_bytes) {
        return Err(KernelError::Layout(LayoutError::Shape {
            place: "struct tcp_sock".to_owned(),
            offset: 0,
            size: tcp_bytes,
        }));
    }
    let facts = HookFacts {
        tcp_bytes,
        keepalive_mib: btf
            .enumerator("LINUX_MIB_TCPKEEPALIVE")
            .and_then(|mib| u32::try_from(mib).ok())
            .ok_or(KernelError::Layout(LayoutError::Enumerator(
                "LINUX_MIB_TCPKEEPALIVE",
            )))?,
        has_task_btf: u32::from(id_of("bpf_get_current_task_btf").is_some()),
        has_cookie_helper: u32::from(id_of("bpf_get_socket_ptr_cookie").is_some()),
        nr_setsockopt: u32::try_from(libc::SYS_setsockopt).unwrap_or(u32::MAX),
        nr_io_uring_enter: u32::try_from(libc::SYS_io_uring_enter).unwrap_or(u32::MAX),
        ..pid_namespace()
    };
    let found: Vec<u32> = ids.iter().copied().flatten().collect();
    let types = aya_types(&btf, &found)?;
    Ok(HookBtf {
        layout,
        facts,
        types,
        accept_parameters: id_of("inet_csk_accept").and_then(|id| btf.parameters(id)),
    })
}

fn aya_types(btf: &Btf, ids: &[u32]) -> Result<AyaBtf, KernelError> {
    AyaBtf::parse(&btf.only(ids), Endianness::default())
        .map_err(|error| KernelError::refused("reading BTF", error))
}

/// observer's own PID namespace, where it is not the host's first.
fn pid_namespace() -> HookFacts {
    match rustix::fs::stat("/proc/self/ns/pid") {
        Ok(stat) if stat.st_ino != pid_namespace::FIRST => HookFacts {
            pid_ns_device: stat.st_dev,
            pid_ns_inode: stat.st_ino,
            ..HookFacts::EMPTY
        },
        _ => HookFacts::EMPTY,
    }
}

/// Fields that this kernel lacks and the hook cannot do without.
pub(super) fn missing_fields(btf: &HookBtf, hook: Hook) -> Vec<&'static str> {
    let needed = hook.needed_fields();
    needed
        .filter(|field| btf.layout.absent.contains(field))
        .collect()
}
