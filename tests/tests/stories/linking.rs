//! What a person ties by hand, and what is held for a slip of that hand. Neighbours: `command`, which
//! types; core, which knows what follows.

use crate::command::{Said, command};
use bridge_sandbox::helpdesk::NewTicket;
use bridge_tests::play::{Play, phone, user};

/// A ticket that asks for no conversation.
async fn quiet_ticket(play: &Play, requester: Option<String>) -> String {
    let ticket = play.helpdesk().agent_creates(NewTicket {
        requester_phone: requester,
        ..NewTicket::default()
    });
    play.settle().await;
    ticket
}

/// A conversation of the first customer that was tied to a ticket, and is tied to none.
async fn untied(play: &Play) -> (String, String) {
    let (ticket, conversation) = play.pair(1).await;
    let unlinked = command(&play.admin(), &["unlink", &ticket]).await;
    assert_eq!(unlinked.code, 0, "{unlinked:?}");
    (ticket, conversation)
}

async fn live_links(play: &Play, ticket: &str) -> usize {
    let said: Said = command(&play.admin(), &["links", "--ticket", ticket, "--live"]).await;
    said.json["links"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_names_another_customer_is_tied_only_by_who_insists() {
    let play = Play::begin().await;
    let (_, conversation) = untied(&play).await;
    let other = quiet_ticket(&play, Some(phone(2))).await;
    let admin = play.admin();

    let refused = command(&admin, &["link", &other, &conversation]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    let error = refused.json["error"].as_str().unwrap();
    assert!(error.contains("another customer"), "{error}");
    let remedy = refused.json["remedy"].as_str().unwrap();
    assert!(remedy.contains("--other-customer"), "{remedy}");
    assert_eq!(live_links(&play, &other).await, 0, "nothing was tied");

    let insisted = ["link", &other, &conversation, "--other-customer"];
    let tied = command(&admin, &insisted).await;
    assert_eq!(tied.code, 0, "{tied:?}");
    assert_eq!(tied.json["link"]["state"], "linked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_names_nobody_is_tied_as_it_is_asked() {
    let play = Play::begin().await;
    let (_, conversation) = untied(&play).await;
    let nobodys = quiet_ticket(&play, None).await;
    let tied = command(&play.admin(), &["link", &nobodys, &conversation]).await;
    assert_eq!(tied.code, 0, "{tied:?}");
    assert_eq!(live_links(&play, &nobodys).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_whom_jelou_spells_otherwise_is_no_other_one() {
    let play = Play::begin().await;
    // Brazil's ninth digit: agents write it, Jelou leaves it out.
    let short = user(1).replacen("55119", "5511", 1);
    play.jelou().add_user(&short, "Customer 1");
    play.jelou().alias(&user(1), &short);
    let (ticket, conversation) = untied(&play).await;
    let of_jelou = play.jelou().conversation(&conversation).unwrap().user;
    assert_eq!(of_jelou, short);
    let tied = command(&play.admin(), &["link", &ticket, &conversation]).await;
    assert_eq!(tied.code, 0, "{tied:?}");
}
