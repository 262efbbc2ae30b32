//! What the gate lets through and when, told call by call.

use super::*;

fn target(rate: u32) -> Target {
    Target {
        bridge: BridgeName::parse("main").unwrap(),
        side: Side::Jelou,
        host: "127.0.0.1:1".to_owned(),
        rate: format!("{rate}/s").parse().unwrap(),
    }
}

fn later(host_wide: bool) -> CallError {
    CallError::Later {
        after: None,
        status: None,
        reason: "x".to_owned(),
        host_wide,
    }
}

#[test]
fn a_look_and_the_write_that_rests_on_it_get_one_place_in_a_full_line() {
    let gate = Gate::default();
    let target = target(10);
    let (mut now, mut done) = (Timestamp(0), 0);
    let mut waiting: Vec<String> = (0..50).map(|lane| format!("lane {lane}")).collect();
    while !waiting.is_empty() {
        assert!(
            now < Timestamp(11_000),
            "{done} were done, and the rest wait for ever"
        );
        waiting.retain(|lane| {
            let looked = gate.ask_for(&target, lane, 2, now).is_ok();
            let wrote = looked && gate.ask_for(&target, lane, 2, now).is_ok();
            done += usize::from(wrote);
            !wrote
        });
        now = now.plus(Duration::from_millis(10));
    }
    assert!(
        now > Timestamp(8_500),
        "a hundred calls at ten a second: {now:?}"
    );
}

#[test]
fn no_second_sees_more_calls_than_the_rate_and_each_lane_keeps_its_place() {
    let gate = Gate::default();
    let target = target(2);
    assert!(gate.ask(&target, "a", Timestamp(0)).is_ok());
    assert!(gate.ask(&target, "b", Timestamp(0)).is_ok());
    let c = gate.ask(&target, "c", Timestamp(0)).unwrap_err();
    let d = gate.ask(&target, "d", Timestamp(0)).unwrap_err();
    let e = gate.ask(&target, "e", Timestamp(0)).unwrap_err();
    assert_eq!((c.until.0, d.until.0, e.until.0), (1_000, 1_505, 2_010));
    let early = gate.ask(&target, "e", Timestamp(1_000)).unwrap_err();
    assert_eq!(early.until.0, 2_010);
    assert!(gate.ask(&target, "c", Timestamp(1_000)).is_ok());
    assert!(gate.ask(&target, "e", Timestamp(2_010)).is_ok());
}

#[test]
fn lanes_that_fail_while_others_do_well_open_no_breaker_however_many_they_are() {
    let gate = Gate::default();
    let target = target(1_000);
    for lane in ["a", "b", "c", "d"] {
        gate.learn(&target, lane, "1", Some(&later(false)), Timestamp(0));
    }
    gate.learn(&target, "well", "2", None, Timestamp(1));
    for lane in ["a", "b", "c", "d", "e", "a", "b", "f", "g", "h"] {
        gate.learn(&target, lane, "1", Some(&later(false)), Timestamp(2));
    }
    assert!(gate.ask(&target, "well", Timestamp(3)).is_ok());
    gate.learn(&target, "i", "1", Some(&later(false)), Timestamp(4));
    let blocked = gate.ask(&target, "well", Timestamp(5)).unwrap_err();
    assert_eq!(blocked.by, "breaker");
}

#[test]
fn one_poisoned_lane_opens_no_breaker_but_five_lanes_do() {
    let gate = Gate::default();
    let target = target(1_000);
    for _ in 0..20 {
        gate.learn(&target, "poisoned", "1", Some(&later(false)), Timestamp(0));
    }
    assert!(gate.ask(&target, "other", Timestamp(0)).is_ok());
    for lane in ["a", "b", "c", "d"] {
        gate.learn(&target, lane, "1", Some(&later(false)), Timestamp(0));
    }
    assert_eq!(
        gate.ask(&target, "other", Timestamp(0)).unwrap_err().by,
        "breaker"
    );
    assert!(gate.ask(&target, "probe", Timestamp(1_000)).is_ok());
    assert_eq!(
        gate.ask(&target, "other", Timestamp(1_000)).unwrap_err().by,
        "breaker"
    );
    gate.learn(&target, "probe", "1", None, Timestamp(1_001));
    assert!(gate.ask(&target, "other", Timestamp(1_001)).is_ok());
}

#[test]
fn calls_that_were_on_their_way_when_the_breaker_opened_do_not_open_it_wider() {
    let gate = Gate::default();
    let target = target(1_000);
    for lane in 0..60 {
        let lane = lane.to_string();
        gate.learn(&target, &lane, "1", Some(&later(false)), Timestamp(0));
    }
    assert!(gate.ask(&target, "probe", Timestamp(1_000)).is_ok());
    gate.learn(&target, "probe", "1", Some(&later(false)), Timestamp(1_100));
    let blocked = gate.ask(&target, "other", Timestamp(1_200)).unwrap_err();
    assert_eq!(blocked.until, Timestamp(3_100));
}

#[test]
fn when_the_clock_is_set_back_nobody_waits_longer_for_it() {
    let gate = Gate::default();
    let target = target(1);
    let hour = 3_600_000;
    assert!(gate.ask(&target, "a", Timestamp(hour)).is_ok());
    assert!(gate.ask(&target, "b", Timestamp(hour)).is_err());
    let blocked = gate.ask(&target, "b", Timestamp(0)).unwrap_err();
    assert_eq!(blocked.until, Timestamp(1_000));
    assert!(gate.ask(&target, "b", Timestamp(1_000)).is_ok());
    let later = CallError::Later {
        after: Some(Duration::from_secs(30)),
        status: Some(429),
        reason: "429".to_owned(),
        host_wide: true,
    };
    gate.learn(&target, "b", "1", Some(&later), Timestamp(hour));
    let blocked = gate.ask(&target, "c", Timestamp(0)).unwrap_err();
    assert_eq!(blocked.until, Timestamp(30_000));
}

#[test]
fn a_refused_credential_lets_one_probe_a_minute_through_and_opens_when_it_works() {
    let gate = Gate::default();
    let target = target(1_000);
    let locked = CallError::Locked {
        reason: "401".to_owned(),
    };
    let lesson = gate.learn(&target, "a", "1", Some(&locked), Timestamp(0));
    assert!(lesson.pause.is_some());
    assert_eq!(
        gate.ask(&target, "b", Timestamp(59_999)).unwrap_err().by,
        "credential"
    );
    assert!(gate.ask(&target, "b", Timestamp(60_000)).is_ok());
    assert!(gate.ask(&target, "c", Timestamp(60_000)).is_err());
    gate.ask_again(Timestamp(60_005));
    assert!(gate.ask(&target, "d", Timestamp(60_005)).is_ok());
    let lesson = gate.learn(&target, "b", "1", None, Timestamp(60_010));
    assert_eq!(lesson.resumed.as_deref(), Some("credential:main:jelou"));
    assert!(gate.ask(&target, "c", Timestamp(60_010)).is_ok());
}

/// It may be the probe that shows whether the side is well: its further calls do not wait for its own
/// outcome.
#[test]
fn the_further_calls_of_what_was_let_through_ask_rate_and_retry_after_alone() {
    let gate = Gate::default();
    let target = target(2);
    let locked = CallError::Locked {
        reason: "401".to_owned(),
    };
    gate.learn(&target, "a", "1", Some(&locked), Timestamp(0));
    assert!(
        gate.ask_whole(&target, "probe", 2, Timestamp(60_000))
            .is_ok()
    );
    assert!(gate.ask(&target, "b", Timestamp(60_001)).is_err());
    let further = |can_wait, at| gate.further(&target, can_wait, Timestamp(at));
    assert_eq!(further(true, 60_001).unwrap(), Timestamp(61_000));
    assert_eq!(further(false, 60_001).unwrap(), Timestamp(61_000));
    assert_eq!(further(false, 60_001).unwrap(), Timestamp(61_000));
    assert_eq!(further(false, 60_001).unwrap(), Timestamp(62_000));
    let later = CallError::Later {
        after: Some(Duration::from_secs(30)),
        status: Some(429),
        reason: "429".to_owned(),
        host_wide: true,
    };
    gate.learn(&target, "probe", "1", Some(&later), Timestamp(60_002));
    let blocked = further(true, 60_003).unwrap_err();
    assert_eq!(
        (blocked.until, &*blocked.by),
        (Timestamp(90_002), "retry_after")
    );
}

#[test]
fn a_403_is_the_objects_if_another_object_works_and_the_credentials_if_not() {
    let forbidden = CallError::Forbidden {
        reason: "403".to_owned(),
    };
    let gate = Gate::default();
    let target = target(1_000);
    gate.learn(&target, "a", "ticket 1", Some(&forbidden), Timestamp(0));
    gate.learn(&target, "b", "ticket 2", None, Timestamp(1));
    let lesson = gate.learn(&target, "a", "ticket 1", Some(&forbidden), Timestamp(2));
    assert!(matches!(
        lesson.error,
        Some(CallError::Refused { status: 403, .. })
    ));
    gate.learn(&target, "a", "ticket 3", Some(&forbidden), Timestamp(3));
    let lesson = gate.learn(&target, "b", "ticket 4", Some(&forbidden), Timestamp(4));
    assert!(lesson.pause.is_some());
}

#[test]
fn a_403_of_long_ago_does_not_make_a_new_one_the_credentials() {
    let forbidden = CallError::Forbidden {
        reason: "403".to_owned(),
    };
    let gate = Gate::default();
    let target = target(1_000);
    gate.learn(&target, "a", "ticket 1", Some(&forbidden), Timestamp(0));
    gate.learn(&target, "b", "ticket 2", None, Timestamp(1));
    let lesson = gate.learn(&target, "c", "ticket 3", Some(&forbidden), Timestamp(2));
    assert!(lesson.pause.is_none());
}

#[test]
fn retry_after_closes_the_host_for_everyone_and_survives_a_restart() {
    let gate = Gate::default();
    let target = target(1_000);
    let later = CallError::Later {
        after: Some(Duration::from_secs(30)),
        status: Some(429),
        reason: "429".to_owned(),
        host_wide: true,
    };
    let (key, until, _) = gate
        .learn(&target, "a", "1", Some(&later), Timestamp(0))
        .pause
        .unwrap();
    let unknown = CallError::Unknown {
        status: Some(503),
        reason: "503".to_owned(),
        after: Some(Duration::from_secs(60)),
    };
    let other = Gate::default();
    other.learn(&target, "a", "1", Some(&unknown), Timestamp(0));
    assert_eq!(
        other.ask(&target, "b", Timestamp(59_999)).unwrap_err().by,
        "retry_after"
    );
    let restarted = Gate::default();
    let wait = Wait {
        since: Timestamp(0),
        until,
    };
    restarted.restore(&key, wait, Timestamp(20_000));
    assert_eq!(
        restarted
            .ask(&target, "b", Timestamp(29_999))
            .unwrap_err()
            .by,
        "retry_after"
    );
    assert!(restarted.ask(&target, "b", Timestamp(30_000)).is_ok());
}

#[test]
fn a_stored_pause_is_no_longer_than_was_asked_for_though_the_clock_was_set_back_before_the_start() {
    let target = target(1_000);
    let hours = 3 * 3_600_000;
    let wait = Wait {
        since: Timestamp(hours),
        until: Timestamp(hours + 60_000),
    };
    for (key, by) in [
        ("host:127.0.0.1:1", "retry_after"),
        ("credential:main:jelou", "credential"),
    ] {
        let gate = Gate::default();
        gate.restore(key, wait, Timestamp(0));
        let blocked = gate.ask(&target, "a", Timestamp(59_999)).unwrap_err();
        assert_eq!(blocked.by, by);
        assert!(gate.ask(&target, "a", Timestamp(60_000)).is_ok(), "{key}");
    }
}
