//! Sockets that no descriptor leads to, and states that only the kernel's tables have.

#![expect(clippy::unwrap_used, reason = "a test")]

mod kit;

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kit::netns::{self, TestNetns};
use kit::options::Options;
use kit::sockets::Pair;
use kit::{Need, choices, find_cookie, iterators, require, scan};
use observer::model::StateSet;
use observer::model::{State, TimerKind};
use observer::source::{ScanChoice, Source};
use rustix::net::sockopt::socket_cookie;

const KEEPALIVE: Options = Options {
    enabled: Some(true),
    idle_s: Some(222),
    interval_s: None,
    probes: None,
    user_timeout_ms: None,
};

/// Registers the descriptor with an io_uring of its own and returns the ring: the socket's file
/// is then in the ring's table, and in no other once the descriptor is closed.
fn into_io_uring(fd: &OwnedFd) -> OwnedFd {
    const IORING_REGISTER_FILES: libc::c_uint = 2;
    // SAFETY: params of zeros are valid; the kernel writes no more than their 120 bytes.
    unsafe {
        let mut params = [0_u8; 120];
        let ring = libc::syscall(libc::SYS_io_uring_setup, 4, params.as_mut_ptr());
        assert!(ring >= 0, "{}", std::io::Error::last_os_error());
        let ring = OwnedFd::from_raw_fd(i32::try_from(ring).unwrap());
        let files = [fd.as_raw_fd()];
        let registered = libc::syscall(
            libc::SYS_io_uring_register,
            ring.as_raw_fd(),
            IORING_REGISTER_FILES,
            files.as_ptr(),
            1,
        );
        assert_eq!(registered, 0, "{}", std::io::Error::last_os_error());
        ring
    }
}

#[test]
fn a_socket_held_only_as_an_io_uring_direct_descriptor() {
    if !require([Need::Root]) {
        return;
    }
    let pair = Pair::new();
    KEEPALIVE.set(&pair.client);
    let cookie = socket_cookie(&pair.client).unwrap();
    let local = pair.client.local_addr().unwrap();
    let client: OwnedFd = pair.client.into();
    let _ring = into_io_uring(&client);
    drop(client);
    for choice in choices() {
        let socket = find_cookie(&scan(choice, StateSet::CONNECTED), cookie).unwrap();
        assert!(socket.owners.is_empty(), "{choice:?} {:?}", socket.owners);
        assert_eq!((socket.local, socket.state), (local, State::Established));
        if choice == ScanChoice::Bpf {
            assert_eq!(socket.kernel_owned, Some(false));
            assert_eq!(socket.keepalive.enabled, Some(true));
            assert_eq!(socket.keepalive.idle.value, Some(222));
            assert!(socket.keepalive.next_probe_ms.is_some());
            assert!(socket.inode.is_some());
        }
    }
}

/// Closed by its process, still sending its FIN: an orphan.
#[test]
fn an_orphan_is_seen_and_is_not_the_kernels() {
    if !require([Need::Root]) {
        return;
    }
    let netns = TestNetns::new();
    let pair = netns.enter(Pair::new);
    KEEPALIVE.set(&pair.client);
    let cookie = socket_cookie(&pair.client).unwrap();
    netns.enter(|| netns::set_loopback(false));
    drop(pair.client);
    // A child of another test, between fork and exec, may hold it a moment longer.
    std::thread::sleep(Duration::from_millis(500));
    for choice in choices() {
        let socket = find_cookie(&scan(choice, StateSet::CONNECTED), cookie).unwrap();
        assert_eq!(socket.state, State::FinWait1, "{choice:?}");
        assert!(socket.owners.is_empty(), "{choice:?}");
        assert_eq!(socket.inode, None, "{choice:?}");
        if choice == ScanChoice::Bpf {
            assert_eq!(socket.kernel_owned, Some(false));
            assert_eq!(socket.keepalive.enabled, Some(true));
        }
    }
}

/// The kernel's nbd driver takes a socket from a program and holds it without a descriptor.
#[test]
fn a_socket_held_only_by_the_kernel() {
    if !require([Need::Guest, iterators()]) {
        return;
    }
    const NBD_SET_SOCK: libc::Ioctl = 0xab00;
    const NBD_SET_BLKSIZE: libc::Ioctl = 0xab01;
    const NBD_DO_IT: libc::Ioctl = 0xab03;
    const NBD_CLEAR_SOCK: libc::Ioctl = 0xab04;
    const NBD_SET_SIZE_BLOCKS: libc::Ioctl = 0xab07;
    const NBD_DISCONNECT: libc::Ioctl = 0xab08;
    let pair = Pair::new();
    let cookie = socket_cookie(&pair.client).unwrap();
    let device = std::fs::File::open("/dev/nbd0").expect("the guest's nbd module");
    let call = |request, argument: u64| {
        // SAFETY: these requests take a number.
        unsafe { libc::ioctl(device.as_raw_fd(), request, argument) }
    };
    assert_eq!(call(NBD_SET_BLKSIZE, 4096), 0);
    assert_eq!(call(NBD_SET_SIZE_BLOCKS, 16), 0);
    let client: OwnedFd = pair.client.into();
    assert_eq!(
        call(NBD_SET_SOCK, u64::try_from(client.as_raw_fd()).unwrap()),
        0
    );
    drop(client);
    let socket = std::thread::scope(|scope| {
        scope.spawn(|| call(NBD_DO_IT, 0));
        // Reading the device makes the driver send a request, which nobody answers.
        scope.spawn(|| {
            let mut block = vec![0; 4096];
            let mut reader = std::fs::File::open("/dev/nbd0").unwrap();
            let _failed = std::io::Read::read(&mut reader, &mut block);
        });
        std::thread::sleep(Duration::from_millis(700));
        let socket = find_cookie(&scan(ScanChoice::Bpf, StateSet::CONNECTED), cookie);
        call(NBD_DISCONNECT, 0);
        call(NBD_CLEAR_SOCK, 0);
        drop(pair.server);
        socket
    });
    let socket = socket.expect("the driver's socket");
    assert!(socket.owners.is_empty(), "{:?}", socket.owners);
    assert_eq!(socket.kernel_owned, Some(true));
    assert_eq!(socket.state, State::Established);
}

#[test]
fn all_adds_listening_waiting_and_half_open_sockets() {
    if !require([Need::Root]) {
        return;
    }
    let netns = TestNetns::new();
    let (listener, pair) = netns.enter(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let pair = Pair::new();
        (listener, pair)
    });
    let waiting = pair.client.local_addr().unwrap();
    pair.client.shutdown(std::net::Shutdown::Write).unwrap();
    drop(pair.server);
    drop(pair.client);
    let listening = listener.local_addr().unwrap();
    let inside = netns.inode();
    for choice in choices() {
        let sockets = scan(choice, StateSet::ALL);
        let of = |state, address| {
            sockets
                .iter()
                .find(|s| {
                    // Other namespaces may use the same ports.
                    s.netns == Some(inside) && s.state == state && s.local == address
                })
                .unwrap_or_else(|| panic!("{choice:?}: no {state:?}"))
        };
        let time_wait = of(State::TimeWait, waiting);
        let timer = time_wait.timer.unwrap();
        assert_eq!(timer.kind, TimerKind::TimeWait, "{choice:?}");
        assert!((50_000..=60_000).contains(&timer.expires_ms), "{timer:?}");
        assert!(time_wait.owners.is_empty());
        assert_eq!(time_wait.keepalive.enabled, None, "{choice:?}");
        let listen = of(State::Listen, listening);
        // A child of another test holds it too, between fork and exec.
        let ours = |owner: &observer::model::Owner| owner.pid == std::process::id();
        assert!(listen.owners.iter().any(ours), "{choice:?}");
        assert_eq!(listen.unacked, None, "{choice:?}");
        let connected = scan(choice, StateSet::CONNECTED);
        assert!(
            connected.iter().all(|s| s.netns != Some(inside)),
            "{choice:?}"
        );
    }
}

/// The handshake's last packet never comes: the listener's end stays half-open.
#[test]
fn half_open_requests_have_a_timer() {
    if !require([Need::Root]) {
        return;
    }
    let netns = TestNetns::new();
    netns.enter(|| {
        let status = std::process::Command::new("sh")
            .arg("-c")
            .arg(
                "ip link add name near type veth peer name far && \
                 ip addr add 10.99.0.1/24 dev near && ip link set near up && \
                 ip link set far up && \
                 ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:02 dev near",
            )
            .status();
        assert!(status.unwrap().success(), "a veth pair, by iproute2");
        // A SYN that claims to come from 10.99.0.2, whose SYN-ACK goes nowhere.
        let listener = TcpListener::bind("10.99.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        send_syn(port);
        std::thread::sleep(Duration::from_millis(200));
        for choice in choices() {
            let sockets = scan(choice, StateSet::ALL);
            let request = sockets
                .iter()
                .find(|s| s.state == State::SynRecv && s.local.port() == port)
                .unwrap_or_else(|| panic!("{choice:?}: no half-open socket"));
            assert_eq!(request.remote.to_string(), "10.99.0.2:4242");
            let timer = request.timer.unwrap();
            assert_eq!(timer.kind, TimerKind::On, "{choice:?}");
            // A second at first, and twice as long after each repetition.
            let at_most_ms = 1000 << timer.retransmits.min(6);
            assert!(timer.expires_ms <= at_most_ms, "{timer:?}");
        }
    });
}

/// Sends one SYN from 10.99.0.2:4242 to 10.99.0.1 by a raw socket on the veth's other end.
fn send_syn(port: u16) {
    let mut tcp = [0_u8; 20];
    tcp[..2].copy_from_slice(&4242_u16.to_be_bytes());
    tcp[2..4].copy_from_slice(&port.to_be_bytes());
    tcp[4..8].copy_from_slice(&1_u32.to_be_bytes());
    (tcp[12], tcp[13]) = (5 << 4, 2);
    tcp[14..16].copy_from_slice(&1024_u16.to_be_bytes());
    let (source, destination) = ([10, 99, 0, 2], [10, 99, 0, 1]);
    let pseudo = [&source[..], &destination, &[0, 6, 0, 20], &tcp].concat();
    tcp[16..18].copy_from_slice(&checksum(&pseudo).to_be_bytes());
    let mut ip = [
        0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    ip[12..16].copy_from_slice(&source);
    ip[16..20].copy_from_slice(&destination);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mac = |name: &str| {
        let text = std::fs::read_to_string(format!("/sys/class/net/{name}/address"));
        text.map(|text| {
            text.trim()
                .split(':')
                .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                .collect::<Vec<_>>()
        })
    };
    // /sys shows the namespace that it was mounted in, so ask ip for the address.
    let output = std::process::Command::new("ip")
        .args(["-o", "link", "show", "near"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let to = text.split("link/ether ").nth(1).map_or_else(
        || mac("near").unwrap(),
        |rest| {
            rest.split(' ')
                .next()
                .unwrap()
                .split(':')
                .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                .collect()
        },
    );
    let frame = [&to[..], &[2, 0, 0, 0, 0, 2], &[8, 0], &ip, &tcp].concat();
    // SAFETY: the address is a sockaddr_ll of zeros with its fields set; the frame outlives the call.
    unsafe {
        let socket = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
        assert!(socket >= 0);
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap();
        address.sll_ifindex = i32::try_from(libc::if_nametoindex(c"far".as_ptr())).unwrap();
        let sent = libc::sendto(
            socket,
            frame.as_ptr().cast(),
            frame.len(),
            0,
            (&raw const address).cast(),
            u32::try_from(size_of::<libc::sockaddr_ll>()).unwrap(),
        );
        let error = std::io::Error::last_os_error();
        libc::close(socket);
        assert_eq!(usize::try_from(sent).ok(), Some(frame.len()), "{error}");
    }
}

fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// Namespaces and connections come and go while scans run: no error, nothing twice, and what
/// stays is seen every time, with its owner.
#[test]
fn churn_during_scans() {
    if !require([Need::Root]) {
        return;
    }
    let steady = Pair::new();
    let cookie = socket_cookie(&steady.client).unwrap();
    let fd = u32::try_from(steady.client.as_raw_fd()).unwrap();
    let done = AtomicBool::new(false);
    /// Ends the other threads also when an assertion fails.
    struct SetOnDrop<'a>(&'a AtomicBool);
    impl Drop for SetOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        let _ends = SetOnDrop(&done);
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                drop(TestNetns::new());
            }
        });
        scope.spawn(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            while !done.load(Ordering::Relaxed) {
                let client = TcpStream::connect(address).unwrap();
                let server = listener.accept().unwrap();
                drop((client, server));
            }
        });
        for choice in choices() {
            let mut source = Source::open(choice).unwrap();
            for _ in 0..20 {
                let states = StateSet::CONNECTED;
                let found = source.scan(&observer::model::scan::ScanRequest { states });
                let sockets = found
                    .unwrap_or_else(|error| panic!("{choice:?}: {error}"))
                    .sockets;
                let mut cookies: Vec<_> = sockets.iter().filter_map(|s| s.cookie).collect();
                cookies.sort_unstable();
                let all = cookies.len();
                cookies.dedup();
                assert_eq!(cookies.len(), all, "{choice:?}: a socket twice");
                let socket = find_cookie(&sockets, cookie).expect("the steady socket");
                assert!(
                    socket
                        .owners
                        .iter()
                        .any(|o| o.pid == std::process::id() && o.fd == fd),
                    "{choice:?} {:?}",
                    socket.owners
                );
            }
        }
    });
}
