//! States of connections: birth and death, and how long each lived.

use observer_common::event::LOSSES_BIT;
use observer_common::tracked_socket::flag;
use observer_common::{EventKind, Side, TrackedSocket};

use crate::clock::now_ns;
use crate::event::{About, emit, is_wanted};
use crate::facts::fact;
use crate::process;
use crate::sock::{Direct, IPPROTO_TCP, Kernel, Load as _, field, state};
use crate::tracked_socket::{self, Moved};
use crate::{facts, listener, log, timer};

/// Follows the states of TCP sockets.
///
/// # Safety
/// Called by the kernel with the tracepoint's arguments: sock, old and new state.
#[unsafe(no_mangle)]
#[unsafe(link_section = "tp_btf/inet_sock_set_state")]
unsafe extern "C" fn state_change(context: *const u64) -> i32 {
    // SAFETY: the verifier knows the tracepoint's arguments.
    let (sk, old, new) = unsafe {
        (
            *context.cast::<Kernel>(),
            *context.add(1) & 0xff,
            *context.add(2) & 0xff,
        )
    };
    if old == new || Direct::number(sk, field!(protocol)) != IPPROTO_TCP {
        return 0;
    }
    match new {
        state::SYN_SENT => connects(sk),
        state::ESTABLISHED if old == state::SYN_SENT || old == state::SYN_RECV => {
            established(sk, old)
        }
        state::LISTEN => {
            let tcp = Direct::tcp(sk);
            if !tcp.is_null() {
                timer::learn::<Direct>(tcp);
            }
            let process = process::current();
            tracked_socket::change::<Direct>(sk, cookie(sk), Moved::Yes, |tracked| {
                tracked.opener_pid = process.pid;
                tracked.opener_comm = process.comm;
                listener::add(sk, tracked);
                if tracked.set_ns != 0 {
                    listener::has_options();
                }
            });
        }
        state::CLOSE if old == state::LISTEN => {
            if let Some(tracked) = tracked_socket::get(sk) {
                listener::remove(tracked);
            }
        }
        state::CLOSE => closed(sk, old),
        state::ESTABLISHED..=state::NEW_SYN_RECV => {}
        _ => log::unknown_state(old as u8, new as u8),
    }
    0
}

/// Forgets a socket that is gone.
///
/// # Safety
/// Called by the kernel with the tracepoint's argument: the sock.
#[unsafe(no_mangle)]
#[unsafe(link_section = "tp_btf/tcp_destroy_sock")]
unsafe extern "C" fn state_destroy(context: *const u64) -> i32 {
    // SAFETY: the verifier knows the tracepoint's arguments.
    tracked_socket::forget(unsafe { *context.cast::<Kernel>() });
    0
}

/// The socket's cookie, 0 where it has none and none can be made.
#[inline(always)]
fn cookie(sk: Kernel) -> u64 {
    crate::cookie::of(sk, fact!(has_cookie_helper) != 0)
}

/// Beginning of a connection by connect.
#[inline(always)]
fn connects(sk: Kernel) {
    let process = process::current();
    tracked_socket::make(sk, cookie(sk), |tracked| {
        tracked.born_ns = now_ns();
        tracked.probe_ns = 0;
        tracked.probes = 0;
        tracked.opener_pid = process.pid;
        tracked.opener_comm = process.comm;
        tracked.side = Side::Connect as u8;
    });
}

#[inline(always)]
fn established(sk: Kernel, old: u64) {
    let cookie = cookie(sk);
    let at_ns = now_ns();
    let begin = |tracked: &mut TrackedSocket| {
        // Both ends may have connected to each other.
        if old == state::SYN_SENT || tracked.side == Side::Connect as u8 {
            tracked.side = Side::Connect as u8;
        } else {
            tracked.born_ns = at_ns;
            tracked.side = Side::Accept as u8;
            inherit(tracked);
        }
    };
    let origin = if old == state::SYN_SENT {
        // The local port came after connect was called.
        tracked_socket::change::<Direct>(sk, cookie, Moved::Yes, begin)
    } else {
        tracked_socket::make(sk, cookie, begin)
    };
    let connected = origin.side == Side::Connect as u8;
    // Who accepts is known only when accept returns.
    if !is_wanted(EventKind::Opened) || (!connected && facts::switch().sees_accept != 0) {
        return;
    }
    let tcp = Direct::tcp(sk);
    if tcp.is_null() {
        log::not_tcp(state::ESTABLISHED as u8);
        return;
    }
    let about = About {
        kind: EventKind::Opened,
        at_ns,
        tcp,
        cookie,
        state: state::ESTABLISHED,
        actor: connected.then_some(origin.opener),
        origin,
    };
    emit::<Direct>(&about, |_| {});
}

/// A connection that comes in has the options of the socket that listens.
#[inline(always)]
fn inherit(child: &mut TrackedSocket) {
    if child.set_ns != 0 || !listener::any_has_options() {
        return;
    }
    if let Some(listener) = listener::of(child) {
        if listener.set_ns == 0 {
            return;
        }
        child.set_ns = listener.set_ns;
        child.set_comm = listener.set_comm;
        child.set_pid = listener.set_pid;
        child.asked = listener.asked;
        child.value = listener.value;
        child.errno = listener.errno;
        child.option = listener.option;
        child.via = listener.via;
        child.flags = listener.flags | flag::INHERITED;
    }
}

#[inline(always)]
fn closed(sk: Kernel, old: u64) {
    // A half-open connection that failed was never one.
    let listens = facts::switch().listens;
    if old == state::SYN_RECV || listens & (EventKind::Closed.bit() | LOSSES_BIT) == 0 {
        return;
    }
    let tcp = Direct::tcp(sk);
    if tcp.is_null() {
        log::not_tcp(old as u8);
        return;
    }
    if listens & EventKind::Closed.bit() == 0 && Direct::number(tcp, field!(sk_err)) == 0 {
        return;
    }
    let about = About {
        kind: EventKind::Closed,
        at_ns: now_ns(),
        tcp,
        cookie: cookie(sk),
        state: old,
        origin: tracked_socket::origin(sk),
        actor: None,
    };
    emit::<Direct>(&about, |record| {
        record.errno = Direct::number(tcp, field!(sk_err)) as u16;
    });
}
