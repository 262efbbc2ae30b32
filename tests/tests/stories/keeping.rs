//! What the bridge keeps for a customer at Jelou, and by which name it knows them. Neighbour: busy.

use bridge_tests::play::{Play, user};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_customers_memory_holds_the_tickets_id_until_the_close() {
    let play = Play::with(|options| options.ticket_id_to_jelou = "user_memory".to_owned()).await;
    let conversation = play.customer_starts(1, "Oi");
    let ticket = play.ticket_of(&conversation).await;
    let bot = play.jelou().conversation(&conversation).unwrap().bot;
    let kept = || {
        play.jelou()
            .user_memory(&bot, &user(1))
            .get("ticketId")
            .cloned()
    };
    assert_eq!(kept(), Some(json!(ticket)));
    play.jelou()
        .operator_closes(&conversation, "closed_by_operator")
        .unwrap();
    play.has_status(&ticket, "solved").await;
    assert!(matches!(kept(), None | Some(serde_json::Value::Null)) || kept() == Some(json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_spellings_of_a_customer_are_one_customer() {
    let play = Play::begin().await;
    // Brazil's ninth digit: agents write it, Jelou leaves it out.
    let short = user(1).replacen("55119", "5511", 1);
    play.jelou().add_user(&short, "Customer 1");
    play.jelou().alias(&user(1), &short);
    let (first, conversation) = play.pair(1).await;
    assert_eq!(
        play.jelou().conversation(&conversation).unwrap().user,
        short
    );
    let second = play.ticket(1);
    play.until("the second ticket waits for the first", |_, helpdesk| {
        helpdesk.comments(&second).iter().any(|c| !c.public)
    })
    .await;
    play.jelou()
        .operator_closes(&conversation, "closed_by_operator")
        .unwrap();
    play.has_status(&first, "solved").await;
    let next = play.linked(&second).await;
    assert_eq!(play.jelou().conversation(&next).unwrap().user, short);
    let open = play
        .jelou()
        .conversations()
        .into_iter()
        .filter(|c| c.active)
        .count();
    assert_eq!(open, 1);
}
