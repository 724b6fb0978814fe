//! What one socket costs in user space, from the kernel's record to what is printed.

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use observer::exporter::HostInfo;
use observer::exporter::Metrics;
use observer::kernel::decode::{self, Units};
use observer::model::Socket;
use observer::policy::counts::{ByVerdict, SocketCounts};
use observer::policy::{HostSnapshot, Judged, JudgedRef, Policy};
use observer::render::json::{self, Meta};
use observer::report::table::{self, Style};
use observer_common::socket::flag;
use observer_common::{RecordKind, SocketRecord};

/// Sockets of one run: enough for every kind of them, few enough for the caches.
const SOCKETS: u64 = 1000;
const HZ: u32 = 250;
/// A clock that has gone on for hours.
const NOW: u32 = 10_000_000;

/// Connections of a few processes to a few hundred peers; every other has keepalive on, every
/// fourth with times of its own, as in `cargo xtask bench`.
fn record(number: u64) -> SocketRecord {
    let small = u32::try_from(number).unwrap_or(0);
    let is_on = number.is_multiple_of(2);
    let times = if number.is_multiple_of(4) {
        [300, 30]
    } else {
        [0, 0]
    };
    let peer = u8::try_from(number % 250).unwrap_or(0);
    let addr = |last: u8| u64::from_ne_bytes([10, 77, 0, last, 0, 0, 0, 0]);
    let alive = flag::KEEPALIVE | flag::KEEPALIVE_PENDING;
    SocketRecord {
        kind: RecordKind::Full as u8,
        state: 1,
        family: 2,
        flags: flag::FILE | flag::OWNER | flag::SOCKET | if is_on { alive } else { 0 },
        cookie: 0x1000 + number,
        inode: 88_000 + number,
        cgroup: 1,
        jiffies: (1 << 32) + u64::from(NOW),
        bytes_sent: number * 517,
        bytes_received: number * 1400,
        local: [addr(1), 0],
        remote: [addr(peer), 0],
        comm: [u64::from_ne_bytes(*b"postgres"), 0],
        local_port: 20_000 + (number % 40_000) as u16,
        remote_port_be: 443_u16.to_be(),
        netns: 4_026_531_840,
        uid: 1000,
        pid: 4000 + small % 6,
        fd: small,
        keepalive_time: times[0] * HZ,
        keepalive_intvl: times[1] * HZ,
        sysctl_time: 7200 * HZ,
        sysctl_intvl: 75 * HZ,
        sysctl_probes: 9,
        lsndtime: NOW - small * HZ,
        lrcvtime: NOW - small * HZ / 2,
        rcv_tstamp: NOW - small * HZ / 2,
        keepalive_expires: NOW + 100 * HZ,
        segs_in: small,
        ..SocketRecord::default()
    }
}

fn units() -> Units {
    Units {
        hz: HZ,
        ..Units::default()
    }
}

fn records() -> Vec<SocketRecord> {
    (0..SOCKETS).map(record).collect()
}

fn sockets() -> Vec<Socket> {
    let records = records();
    let sockets: Vec<Socket> = records
        .iter()
        .filter_map(|record| decode::socket(record, units()))
        .map(|socket| Socket {
            peer_is_local: Some(false),
            ..socket
        })
        .collect();
    assert_eq!(sockets.len(), records.len(), "every record is a socket");
    sockets
}

fn judged<'a>(sockets: &'a [Socket], policy: &'a Policy) -> Vec<JudgedRef<'a>> {
    let judge = |socket| Judged {
        socket,
        judgement: policy.judge(socket),
    };
    sockets.iter().map(judge).collect()
}

fn decoding(criterion: &mut Criterion) {
    let records = records();
    let mut group = criterion.benchmark_group("sockets");
    group.throughput(Throughput::Elements(SOCKETS));
    group.bench_function("decode", |bench| {
        let decode = |records: &[SocketRecord]| -> Vec<_> {
            let decode = |record| decode::socket(record, units());
            records.iter().filter_map(decode).collect()
        };
        bench.iter_with_large_drop(|| decode(black_box(&records)));
    });
    group.finish();
}

fn judging(criterion: &mut Criterion) {
    let (sockets, policy) = (sockets(), Policy::default());
    let mut group = criterion.benchmark_group("sockets");
    group.throughput(Throughput::Elements(SOCKETS));
    group.bench_function("verdict", |bench| {
        bench.iter(|| judged(black_box(&sockets), &policy));
    });
    group.finish();
}

fn printing(criterion: &mut Criterion) {
    let (sockets, policy) = (sockets(), Policy::default());
    let judged = judged(&sockets, &policy);
    let meta = Meta {
        taken_at: jiff::Timestamp::UNIX_EPOCH,
        host: "host".into(),
        kernel: "6.12".into(),
        scan: "bpf",
        hooks: "none",
        scan_tenth_ms: 1000,
        sockets_seen: sockets.len(),
        unknown: &[],
    };
    let mut group = criterion.benchmark_group("sockets");
    group.throughput(Throughput::Elements(SOCKETS));
    let mut print = |name, write: &dyn Fn(&mut Vec<u8>) -> io::Result<()>| {
        group.bench_function(name, |bench| {
            let room = || Vec::with_capacity(2 << 20);
            bench.iter_batched_ref(room, write, BatchSize::SmallInput);
        });
    };
    print("json", &|out| {
        json::document(out, &meta, black_box(&judged), 1)
    });
    print("jsonl", &|out| json::lines(out, black_box(&judged), 1));
    print("table", &|out| {
        table::write(out, black_box(&judged), Style::default(), 1)
    });
    group.finish();
}

/// A scrape's text does not grow with the sockets, but with the workloads that have labels.
fn metrics(criterion: &mut Criterion) {
    const WORKLOADS: usize = 200;
    let facts = HostInfo {
        host: "host".to_owned(),
        kernel: "6.12".to_owned(),
        scan: "bpf",
        hooks: "tracepoint",
    };
    let metrics = Metrics::new(&facts, WORKLOADS, jiff::Timestamp::UNIX_EPOCH);
    metrics.show_snapshot(&snapshot(WORKLOADS));
    let mut group = criterion.benchmark_group("metrics");
    group.bench_function("openmetrics", |bench| bench.iter(|| metrics.openmetrics()));
    group.bench_function("text", |bench| bench.iter(|| metrics.text()));
    group.finish();
}

fn snapshot(workloads: usize) -> HostSnapshot {
    let (sockets, policy) = (sockets(), Policy::default());
    let mut counts = SocketCounts::default();
    let mut of_each = ByVerdict::default();
    for judged in judged(&sockets, &policy) {
        let judgement = judged.judgement;
        let quiet_ms = judged.socket.idle.quiet_ms();
        counts.add(judgement.verdict, judgement.health, quiet_ms);
        *of_each.get_mut(judgement.verdict) += 1;
    }
    let name = |number| Arc::from(format!("/system.slice/worker-{number}.service"));
    HostSnapshot {
        taken_at: jiff::Timestamp::UNIX_EPOCH,
        took: Duration::from_millis(90),
        scan: "bpf",
        counts,
        workloads: (0..workloads)
            .map(|number| (name(number), of_each))
            .collect(),
        flagged: Vec::new(),
        unknown: Vec::new(),
    }
}

criterion_group!(benches, decoding, judging, printing, metrics);
criterion_main!(benches);
