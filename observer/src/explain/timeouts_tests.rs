use proptest::prelude::*;

use super::*;

const fn connect(retries: u32, linear: u32, user_timeout_ms: u64) -> Connect {
    Connect {
        retries,
        linear,
        user_timeout_ms,
        rto_max_ms: RTO_MAX_MS,
    }
}

const fn data(rto_ms: u64, retries: u32, user_timeout_ms: u64) -> Retransmission {
    Retransmission {
        rto_ms,
        retries,
        user_timeout_ms,
        rto_max_ms: RTO_MAX_MS,
    }
}

/// Documentation/networking/ip-sysctl.rst: 15 retries yield 924.6 s.
#[test]
fn the_model_is_the_documented_one() {
    assert_eq!(model_timeout_ms(15, RTO_MIN_MS, RTO_MAX_MS), 924_600);
    assert_eq!(model_timeout_ms(9, RTO_MIN_MS, RTO_MAX_MS), 204_600);
    assert_eq!(model_timeout_ms(3, RTO_MIN_MS, RTO_MAX_MS), 3000);
    assert_eq!(model_timeout_ms(6, SYN_RTO_MS, RTO_MAX_MS), 127_000);
    // tcp_rto_max_ms 1000: after 200, 400 and 800 ms, one second each.
    assert_eq!(model_timeout_ms(5, RTO_MIN_MS, 1000), 1400 + 3000);
}

/// 1 + 2 + 4 + … seconds; with linear timeouts, so many more seconds (131 s in ip-sysctl.rst).
#[test]
fn connect_gives_up_after_all_waits() {
    assert_eq!(connect(6, 0, 0).gives_up_ms(), 127_000);
    assert_eq!(connect(6, 4, 0).gives_up_ms(), 131_000);
    assert_eq!(connect(1, 0, 0).gives_up_ms(), 3000);
    assert_eq!(connect(2, 0, 0).gives_up_ms(), 7000);
    // 127 s are over in the 120 s that follow.
    assert_eq!(connect(7, 0, 0).gives_up_ms(), 247_000);
    let short = Connect {
        rto_max_ms: 2000,
        ..connect(3, 0, 0)
    };
    assert_eq!(short.gives_up_ms(), 1000 + 2000 + 2000 + 2000);
}

/// Few retries with linear timeouts: the time of the model is over before the SYNs are.
#[test]
fn the_model_may_end_a_connect_before_the_count() {
    assert_eq!(connect(1, 4, 0).gives_up_ms(), 3000);
    assert_eq!(connect(2, 4, 0).gives_up_ms(), 7000);
    assert_eq!(connect(3, 4, 0).gives_up_ms(), 19_000);
}

#[test]
fn user_timeout_ends_a_connect() {
    assert_eq!(connect(6, 4, 5000).gives_up_ms(), 5000);
    assert_eq!(connect(6, 0, 30_000).gives_up_ms(), 30_000);
    // The first SYN is waited for in any case.
    assert_eq!(connect(6, 0, 30).gives_up_ms(), 1001);
    // The count still holds.
    assert_eq!(connect(1, 0, 600_000).gives_up_ms(), 3000);
}

/// 200, 400 … ms, then the first firing at which the model's time is over since the first
/// retransmission. An RTO of exactly 200 ms would just miss it if no timer fired late.
#[test]
fn retransmission_gives_up_at_the_firing_after_the_model() {
    assert_eq!(data(201, 15, 0).gives_up_ms(), 201 * 1023 + 6 * 120_000);
    assert_eq!(data(200, 15, 0).gives_up_ms(), 924_600);
    assert_eq!(data(200, 3, 0).gives_up_ms(), 6200);
    // 0.204, 0.612, 1.428, 3.06 and, 3 s after the first of them, 6.324 s.
    assert_eq!(data(204, 3, 0).gives_up_ms(), 6324);
    assert_eq!(data(201, 15, 30_000).gives_up_ms(), 30_201);
}

#[test]
fn what_is_left_is_counted_from_the_timer() {
    let data = data(204, 3, 0);
    // Just sent again for the first time: the firing at 0.612 s is 0.408 s away.
    assert_eq!(data.left_ms(1, 408), 6324 - 204);
    assert_eq!(data.left_ms(4, 3264), 3264);
    assert_eq!(data.left_ms(4, 5), 5);
    assert_eq!(data.left_ms(9, 5), 5);
}

proptest! {
    #[test]
    fn every_wait_ends(
        retries in 0_u32..256,
        linear in 0_u32..128,
        user_timeout_ms in 0_u64..u64::from(u32::MAX),
        rto_ms in 1_u64..200_000,
        rto_max_ms in 1000_u64..120_001,
        retransmits in 0_u32..256,
    ) {
        let connect = Connect { retries, linear, user_timeout_ms, rto_max_ms };
        prop_assert!(connect.gives_up_ms() >= SYN_RTO_MS);
        let data = Retransmission { rto_ms, retries, user_timeout_ms, rto_max_ms };
        prop_assert!(data.gives_up_ms() >= rto_ms);
        prop_assert!(data.left_ms(retransmits, 7) >= 7);
    }
}

#[test]
fn the_longest_times_do_not_run_over() {
    let (retries, linear) = (u32::MAX, u32::MAX);
    assert_eq!(model_timeout_ms(retries, u64::MAX, u64::MAX), u64::MAX);
    for user_timeout_ms in [0, u64::MAX] {
        let data = Retransmission {
            rto_ms: u64::MAX,
            retries,
            user_timeout_ms,
            rto_max_ms: u64::MAX,
        };
        assert_eq!(data.gives_up_ms(), u64::MAX);
        let connect = Connect {
            retries,
            linear,
            user_timeout_ms,
            rto_max_ms: u64::MAX,
        };
        // Linear waits only, as many as are counted.
        assert_eq!(connect.gives_up_ms(), 513_000);
    }
}
