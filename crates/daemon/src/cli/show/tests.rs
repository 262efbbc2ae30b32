//! What the lists look like.

use super::*;
use crate::api::halt::HaltName;
use bridge_core::time::Timestamp;

fn line(bridge: &str) -> LineView {
    LineView {
        at: Timestamp(0).into(),
        bridge: bridge.to_owned(),
        kind: "event".to_owned(),
        sentence: "Ticket 7 is new".to_owned(),
        rule: None,
        side: None,
        delivery: None,
        state: None,
        reason: None,
        link: None,
        ticket: None,
        conversation: None,
    }
}

fn item(id: &str, remedy: &str) -> ParkedView {
    ParkedView {
        id: id.to_owned(),
        kind: "intent".to_owned(),
        bridge: "main".to_owned(),
        reason: "refused".to_owned(),
        detail: format!("Jelou answered {id}"),
        remedy: remedy.to_owned(),
        at: Timestamp(0).into(),
        operation: None,
        side: None,
        lane: None,
        link: None,
        rule: None,
        attempts: None,
        last_error: None,
        ticket: None,
        conversation: None,
    }
}

#[test]
fn what_is_parked_is_listed_with_its_remedy_said_once_for_those_that_share_it() {
    let (close, mend) = ("close it at Jelou", "mend the mapping");
    let list = ParkedList {
        parked: vec![item("401", close), item("402", close), item("403", mend)],
        more: false,
        observing: Vec::new(),
        halted: Vec::new(),
    };
    let wanted = "\
ID   REASON   SINCE                 BRIDGE  WHAT HAPPENED
401  refused  1970-01-01 00:00:00Z  main    Jelou answered 401
402  refused  1970-01-01 00:00:00Z  main    Jelou answered 402
  to do: close it at Jelou
403  refused  1970-01-01 00:00:00Z  main    Jelou answered 403
  to do: mend the mapping
";
    assert_eq!(parked(&list, false), wanted);
}

#[test]
fn of_a_parked_webhook_it_is_shown_when_it_was_received() {
    let shown = |kind: &str| {
        parked_item(&ParkedView {
            kind: kind.to_owned(),
            ..item("delivery-7", "retry")
        })
    };
    let webhook = shown("delivery");
    assert!(webhook.contains("received"), "{webhook}");
    assert!(!webhook.contains("since"), "{webhook}");
    assert!(shown("intent").contains("since"));
}

#[test]
fn each_parked_item_is_listed_with_what_it_would_do_and_a_command_that_can_be_typed() {
    let would = |id: &str, operation: &str| ParkedView {
        operation: Some(operation.to_owned()),
        ..item(id, &format!("close it, or `parked retry {id}`"))
    };
    let list = ParkedList {
        parked: vec![would("a.3", "close"), would("b.1", "close")],
        more: false,
        observing: Vec::new(),
        halted: Vec::new(),
    };
    let wanted = "\
ID   REASON   WOULD  SINCE                 BRIDGE  WHAT HAPPENED
a.3  refused  close  1970-01-01 00:00:00Z  main    Jelou answered a.3
b.1  refused  close  1970-01-01 00:00:00Z  main    Jelou answered b.1
  to do: close it, or `parked retry ID`
";
    assert_eq!(parked(&list, false), wanted);
    let alone = ParkedList {
        parked: vec![would("a.3", "close")],
        ..list
    };
    let told = parked(&alone, false);
    assert!(told.contains("or `parked retry a.3`"), "{told}");
}

#[test]
fn of_one_parked_item_its_rule_its_tries_and_the_remotes_code_are_told() {
    let shown = parked_item(&ParkedView {
        rule: Some("mapping.conversation.close_on_status".to_owned()),
        attempts: Some(1),
        last_error: Some("refused with 422: E01011".to_owned()),
        ..item("a.3", "close it at Jelou")
    });
    for line in [
        "rule           mapping.conversation.close_on_status",
        "tries          1",
        "last try       refused with 422: E01011",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{shown}");
    }
}

#[test]
fn one_parked_item_waits_and_several_wait() {
    let told = |parked| {
        stuck(&Stuck {
            stuck: Vec::new(),
            more: false,
            parked,
            observing: Vec::new(),
        })
    };
    assert!(told(1).contains("1 item is parked and waits for a person"));
    assert!(told(2).contains("2 items are parked and wait for a person"));
}

#[test]
fn what_a_bridge_that_observes_shows_says_that_nothing_is_written() {
    let names = || vec!["main".to_owned()];
    let shown = [
        links(&Links {
            links: Vec::new(),
            more: false,
            observing: names(),
        }),
        parked(
            &ParkedList {
                parked: Vec::new(),
                more: false,
                observing: names(),
                halted: Vec::new(),
            },
            false,
        ),
        stuck(&Stuck {
            stuck: Vec::new(),
            more: false,
            parked: 2,
            observing: names(),
        }),
        halts(&Halts {
            halts: Vec::new(),
            observing: names(),
        }),
    ];
    let said = "Bridge main observes: nothing is written until its mode is live.\n";
    for text in shown {
        assert!(text.ends_with(said), "{text}");
    }
}

#[test]
fn where_there_are_several_bridges_each_line_of_a_timeline_names_its_own() {
    let shown = |bridges: &[&str]| {
        timeline(&Timeline {
            lines: vec![line("main"), line("other")],
            bridges: bridges.iter().map(|&name| name.to_owned()).collect(),
        })
    };
    let one = "1970-01-01 00:00:00Z  event  Ticket 7 is new\n".repeat(2);
    assert_eq!(shown(&["main"]), one);
    let two = "1970-01-01 00:00:00Z  main   event  Ticket 7 is new\n1970-01-01 00:00:00Z  other  event  Ticket 7 is new\n";
    assert_eq!(shown(&["main", "other"]), two);
}

#[test]
fn a_release_tells_what_it_let_go_which_halt_is_off_and_which_is_still_on() {
    let mut done = Released {
        let_go: 0,
        released: Vec::new(),
        emptied: Vec::new(),
        still_on: vec![HaltOn {
            bridge: "main".to_owned(),
            operation: "start".to_owned(),
            held: 41,
        }],
    };
    let still = "Still on: start on bridge main holds 41. \
                 `halt release --bridge main --operation start` lets go of it.\n";
    let nothing = "Nothing was held. The halts count anew from here.\n";
    assert_eq!(released(&done), format!("{nothing}{still}"));
    done.emptied.push(HaltName {
        bridge: "main".to_owned(),
        operation: "close".to_owned(),
    });
    let off = "The halt of close on bridge main is off; it held nothing any more.\n";
    assert_eq!(released(&done), format!("{off}{still}"));
}

#[test]
fn where_nothing_is_parked_a_halt_that_is_on_is_told() {
    let list = ParkedList {
        parked: Vec::new(),
        more: false,
        observing: Vec::new(),
        halted: vec![HaltOn {
            bridge: "main".to_owned(),
            operation: "close".to_owned(),
            held: 8,
        }],
    };
    let told = "Nothing is parked.\n\
                The safety halt of close on bridge main is on and holds 8: \
                `jelou-bridge halt` tells more.\n";
    assert_eq!(parked(&list, false), told);
}
