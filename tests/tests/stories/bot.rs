//! What the bridge has the bot say, beside the talk: a template to who fell silent, and what else the
//! operator's rules ask for. Neighbour: talking, for the talk itself.

use bridge_sandbox::jelou::{Speaker, Spoken};
use bridge_tests::play::{Play, rules, user};
use std::time::Duration;

/// What reached a customer's phone of what the bot said, of one kind.
fn said_by_bot(play: &Play, customer: usize, kind: &str) -> Vec<Spoken> {
    let mut heard = play.jelou().heard_by(&user(customer));
    heard.retain(|said| said.by == Speaker::Bot && said.kind == kind);
    heard
}

/// A stage with more rules.
async fn ruled(more: &str) -> Play {
    Play::with(|options| options.rules += more).await
}

const TEMPLATE: &str = r#"
[bridges.demo.mapping.template]
name = "ticket_update"
language = "pt_BR"
parameters = ["{{ ticket.requester.name }}", "{{ ticket.id }}"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn who_fell_silent_gets_the_template_once_and_the_ticket_says_so() {
    let play = ruled(TEMPLATE).await;
    let (ticket, _) = play.pair(1).await;
    play.jelou().falls_silent(&user(1));
    for words in ["Ainda precisa?", "Olá?"] {
        play.helpdesk()
            .agent_comments(&ticket, words, true)
            .unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    play.until("both comments are told of", |_, _| {
        play.notes(&ticket).len() == 2
    })
    .await;
    play.settle().await;
    let sent = said_by_bot(&play, 1, "template");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].content["elementName"], "ticket_update");
    assert_eq!(sent[0].content["parameters"][1], ticket.as_str());
    assert!(play.notes(&ticket)[0].body.contains("ticket_update"));
    assert!(play.parked().await.is_empty());
}

const BUTTON: &str = r#"
[[bridges.demo.mapping.call_button]]
when = "'urgent' in ticket.tags"
header = "Suporte"
text = "Toque para falar com um atendente"
display_text = "Ligar"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_escalated_ticket_sends_its_customer_one_call_button() {
    let play = ruled(BUTTON).await;
    let (ticket, _) = play.pair(1).await;
    let desk = play.helpdesk();
    desk.agent_edits_tags(&ticket, &["urgent"], &[]).unwrap();
    play.until("the button is there", |_, _| {
        said_by_bot(&play, 1, "voice_call").len() == 1
    })
    .await;
    desk.agent_edits_tags(&ticket, &["vip"], &[]).unwrap();
    play.settle().await;
    let sent = said_by_bot(&play, 1, "voice_call");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].content["parameters"]["display_text"], "Ligar");
    assert!(play.parked().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_account_may_not_call_the_ticket_says_so_once() {
    let play = ruled(BUTTON).await;
    play.jelou().set_calling(false);
    let (ticket, _) = play.pair(1).await;
    let desk = play.helpdesk();
    for (add, remove) in [("urgent", "calm"), ("calm", "urgent"), ("urgent", "calm")] {
        desk.agent_edits_tags(&ticket, &[add], &[remove]).unwrap();
        play.settle().await;
    }
    play.until("the ticket says so", |_, _| !play.notes(&ticket).is_empty())
        .await;
    play.settle().await;
    assert_eq!(play.notes(&ticket).len(), 1);
    assert!(play.notes(&ticket)[0].body.contains("calling enabled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_on_a_day_off_reads_so_once_and_is_the_bots_again_after_the_end() {
    let day = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let (before, after) = (day.yesterday().unwrap(), day.tomorrow().unwrap());
    let play = Play::with(|options| {
        options.rules = rules(
            &options.rules,
            "[bridges.demo.mapping]\n",
            "[bridges.demo.mapping]\ncustomer_after_close = \"bot\"\n",
        );
        options.rules += &format!(
            "\n[bridges.demo.hours]\ntime_zone = \"America/Sao_Paulo\"\naway_message = \"Voltamos amanhã.\"\nmonday = [\"00:00-24:00\"]\nclosed_on = [\"{before}\", \"{day}\", \"{after}\"]\n"
        );
    })
    .await;
    let conversation = play.customer_starts(1, "Alguém aí?");
    let ticket = play.ticket_of(&conversation).await;
    play.jelou().customer_writes(&conversation, "Oi?").unwrap();
    play.settle().await;
    let said = said_by_bot(&play, 1, "text");
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].content["text"], "Voltamos amanhã.");
    play.sets(&ticket, "solved");
    play.closed(&conversation).await;
    let bot = said[0].bot.clone();
    play.until("the bot answers again", |jelou, _| {
        !jelou.is_answered_by_person(&bot, &user(1))
    })
    .await;
}
