//! What Jelou's report tells of a conversation comes to its ticket: late, once, and without being
//! believed. Neighbour: core's stories of the report, which know every rule.
//!
//! The moments at which it is looked for are shorter here than they are by default.

use bridge_sandbox::{Operation, Reply, ReportTakes, Rule, Target};
use bridge_tests::play::{PATIENCE, Play, rules};
use jelou_bridge::demo::BRIDGE;
use std::time::Duration;

/// The rules with a report, looked for at these moments.
fn reporting(written: &str, how: &str, after: &str) -> String {
    let line = "customer_writes_after_close = \"reopen\"";
    let more = format!("{line}\nreport = \"{how}\"\nreport_after = {after}");
    rules(written, line, &more)
}

async fn play(after: &str) -> Play {
    Play::with(|options| options.rules = reporting(&options.rules, "note", after)).await
}

fn reports(play: &Play, ticket: &str) -> Vec<String> {
    let notes = play.notes(ticket).into_iter().map(|note| note.body);
    notes
        .filter(|note| note.contains("Jelou's report"))
        .collect()
}

fn settled(figures: &bridge_tests::figures::Figures, result: &str) -> f64 {
    figures.sum("jelou_bridge_reports_total", &[("result", result)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_comes_late_is_one_note_at_the_next_look() {
    let play = play(r#"["1s", "4s", "30s"]"#).await;
    play.jelou().set_report_lag(3_600_000);
    let (ticket, conversation) = play.pair(1).await;
    play.jelou()
        .operator_closes(&conversation, "closed_by_operator")
        .unwrap();
    play.until("it was looked for once, in vain", |_, _| {
        play.asked_of_jelou(Operation::Report) == 1
    })
    .await;
    assert!(reports(&play, &ticket).is_empty());
    play.jelou().set_report_lag(0);
    play.until("the ticket tells of it", |_, _| {
        !reports(&play, &ticket).is_empty()
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    play.settle().await;
    let told = reports(&play, &ticket);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&conversation), "{told:?}");
    assert!(
        told[0].contains("operator Sandbox Operator, team FINANCEIRO"),
        "{told:?}"
    );
    assert!(told[0].contains("ended: closed_by_operator"), "{told:?}");
    let figures = play.figures().await;
    assert!((settled(&figures, "found") - 1.0).abs() < 0.1);
    let lasted = [("team", "FINANCEIRO")];
    assert!(figures.sum("jelou_bridge_conversation_seconds_count", &lasted) > 0.9);
    let shown = play.timeline(&ticket).await.join("\n");
    assert!(shown.contains("is in the report"), "{shown}");
    assert!(
        !shown.contains("Sandbox Operator"),
        "names stay on the ticket: {shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_closes_of_a_moment_are_few_reads_and_a_note_on_each_ticket() {
    const MANY: usize = 200;
    let play = play(r#"["9s", "30s", "60s"]"#).await;
    let talks: Vec<String> = (0..MANY).map(|n| play.customer_starts(n, "Oi")).collect();
    play.until("each conversation has a ticket", |_, helpdesk| {
        let named = talks
            .iter()
            .filter(|talk| !helpdesk.tickets_of_conversation(talk).is_empty());
        named.count() == MANY
    })
    .await;
    play.settle().await;
    for talk in &talks {
        play.jelou()
            .operator_closes(talk, "closed_by_operator")
            .unwrap();
    }
    // On a busy machine two hundred of everything take their time.
    let all_told = async {
        while settled(&play.figures().await, "found") < 199.5 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let told = tokio::time::timeout(4 * PATIENCE, all_told).await;
    assert!(told.is_ok(), "all are told of");
    play.settle().await;
    for talk in &talks {
        let ticket = play.ticket_of(talk).await;
        assert_eq!(reports(&play, &ticket).len(), 1, "{talk}");
    }
    let reads = play.asked_of_jelou(Operation::Report);
    assert!(reads <= 20, "{reads} reads for {MANY} closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_in_the_report_is_settled_and_told_so() {
    let play = play(r#"["1s", "2s", "3s"]"#).await;
    // Nobody attended it: it expired, and such a one is not listed.
    let (ticket, conversation) = play.pair(1).await;
    play.jelou().expires(&conversation).unwrap();
    play.until_figures("it is settled", |figures| {
        settled(figures, "no_report") > 0.5
    })
    .await;
    play.settle().await;
    // Near at each of three looks, and far at two.
    assert_eq!(play.asked_of_jelou(Operation::Report), 5);
    assert!(reports(&play, &ticket).is_empty());
    let shown = play.timeline(&ticket).await.join("\n");
    assert!(shown.contains("no_report"), "{shown}");
    assert!(play.parked().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_look_says_that_nothing_is_there_only_if_it_read_the_far_span_too() {
    // The calls: near at the first look; near and far at the second, one of which fails.
    for (done, end) in [(2, "unread"), (1, "no_report")] {
        let play = play(r#"["1s", "3s"]"#).await;
        for (times, reply) in [(done, Reply::True), (1, Reply::Status(500))] {
            play.jelou().manners().add(Rule {
                operation: Some(Operation::Report),
                times: Some(times),
                reply,
                ..Rule::default()
            });
        }
        let (_, conversation) = play.pair(1).await;
        play.jelou().expires(&conversation).unwrap();
        play.until_figures("it is settled", |figures| settled(figures, end) > 0.5)
            .await;
        assert_eq!(play.asked_of_jelou(Operation::Report), 3, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_read_with_the_credential_in_the_form_that_the_configuration_names() {
    for (takes, form) in [(ReportTakes::Basic, "basic"), (ReportTakes::Raw, "raw")] {
        let mut play = Play::with(|options| {
            options.jelou.report_takes = takes;
            options.rules = reporting(&options.rules, "note", r#"["1s", "30s"]"#);
        })
        .await;
        play.stage.stop_daemon().await;
        play.stage.change_config(|config| {
            let line = "ticket_id_to_jelou = \"user_cache\"";
            rules(config, line, &format!("{line}\nmetrics_auth = \"{form}\""))
        });
        play.stage.start_daemon().await.unwrap();
        let (ticket, conversation) = play.pair(1).await;
        play.jelou()
            .operator_closes(&conversation, "closed_by_operator")
            .unwrap();
        play.until("the ticket tells of it", |_, _| {
            reports(&play, &ticket).len() == 1
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_refuses_everything_holds_nothing_else_back() {
    let play = Play::with(|options| {
        options.jelou.report_takes = ReportTakes::Raw;
        options.rules = reporting(&options.rules, "note", r#"["1s", "3s", "5s"]"#);
    })
    .await;
    let (ticket, conversation) = play.pair(1).await;
    for status in [500, 429] {
        play.jelou()
            .manners()
            .fail_next(Operation::Report, 1, status);
    }
    play.jelou()
        .operator_closes(&conversation, "closed_by_operator")
        .unwrap();
    play.until_figures("it is settled", |figures| settled(figures, "unread") > 0.5)
        .await;
    let _ = play.pair(2).await;
    let figures = play.figures().await;
    for paused in [
        "jelou_bridge_credential_paused",
        "jelou_bridge_breaker_open",
    ] {
        assert!(figures.sum(paused, &[]) < 0.5, "{paused}");
    }
    let shown = play.timeline(&ticket).await;
    let failed = shown
        .iter()
        .filter(|line| line.starts_with("Could not look for"));
    assert_eq!(failed.count(), 3, "{shown:#?}");
    assert!(reports(&play, &ticket).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_the_ticket_hold_what_the_rules_make_of_the_report() {
    let play = Play::with(|options| {
        let ruled = reporting(&options.rules, "fields", r#"["1s", "30s"]"#);
        let line = "report = \"fields\"";
        let fields = "report_fields = { attended_by = \"{{ report.operator }}\", team = \"{{ report.team | lower }}\" }";
        options.rules = rules(&ruled, line, &format!("{line}\n{fields}"));
    })
    .await;
    let (ticket, conversation) = play.pair(1).await;
    play.jelou()
        .operator_closes(&conversation, "closed_by_operator")
        .unwrap();
    play.until("the fields are set", |_, helpdesk| {
        helpdesk
            .ticket(&ticket)
            .is_some_and(|t| t.fields.contains_key("attended_by"))
    })
    .await;
    play.settle().await;
    let fields = play.helpdesk().ticket(&ticket).unwrap().fields;
    assert_eq!(
        (&fields["attended_by"], &fields["team"]),
        (&"Sandbox Operator".into(), &"financeiro".into())
    );
    assert_eq!(play.status(&ticket), "solved", "the close alone set it");
    assert!(reports(&play, &ticket).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_conversation_that_the_report_has_as_ended_is_looked_at_before_all_others() {
    let play = Play::with(|options| {
        let ruled = reporting(&options.rules, "note", r#"["1s", "30s"]"#);
        options.rules = rules(&ruled, "every = \"2s\"", "every = \"1h\"");
    })
    .await;
    let mut talks = Vec::new();
    for customer in 1..=4 {
        talks.push(play.pair(customer).await.1);
    }
    let lost = talks[2].clone();
    let heard = play.jelou().webhooks().target();
    let nowhere = Target {
        url: None,
        ..heard.clone()
    };
    play.jelou().webhooks().set_target(nowhere);
    play.jelou()
        .operator_closes(&lost, "closed_by_operator")
        .unwrap();
    play.jelou().webhooks().set_target(heard);
    play.jelou()
        .operator_closes(&talks[0], "closed_by_operator")
        .unwrap();
    play.until_figures("the report was read", |figures| {
        settled(figures, "found") > 0.5
    })
    .await;
    let jobs = &play.stage.daemon().unwrap().jobs;
    let bridge = bridge_core::ids::BridgeName::parse(BRIDGE).unwrap();
    let after = bridge_core::time::Timestamp(i64::MAX);
    let next = jobs
        .store
        .conversations_to_look_at(&bridge, after, 1)
        .await
        .unwrap();
    assert_eq!(next[0].1.as_str(), lost);
}
