//! What only a system shows that makes tickets and nothing more. Neighbour: `suite`, of which it plays two
//! stories.

use crate::{
    desk::System,
    stage::{PATIENCE, Stage},
};
use bridge_core::lane::UNKNOWN_OUTCOME;
use jelou_bridge::clock;
use tokio::time::Instant;

/// Nobody can ask osTicket whether it made the ticket: a person is told, and it is not asked for twice. A
/// conversation that ends asks osTicket for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_nobody_can_look_for_waits_for_a_person_and_is_not_made_twice() {
    let stage = Stage::start(System::FakeOsTicket).await;
    stage.rest.cut_next("POST", stage.desk.config.creates_at);
    let jelou = &stage.jelou.handle;
    let talks = ["5511987650201", "5511987650202"].map(|user| {
        jelou.add_user(user, "Helio Braga");
        jelou.customer_starts(user, "Bom dia").expect("free")
    });
    let give_up = Instant::now() + PATIENCE;
    while stage.desk.tickets().await.len() < talks.len() {
        stage.patient("both tickets are made", give_up).await;
    }
    stage.settle().await;
    let counts = stage.store().counts(clock::now()).await.expect("counts");
    let parked = counts
        .parked
        .iter()
        .map(|((_, why), many)| (why.as_str(), *many));
    assert_eq!(parked.collect::<Vec<_>>(), [(UNKNOWN_OUTCOME, 1)]);
    for talk in &talks {
        let closed = jelou.operator_closes(talk, "closed_by_operator");
        closed.expect("it goes on");
    }
    stage.settle().await;
    stage.sweep().await;
    stage.settle().await;
    let passed = stage.rest.passed();
    assert_eq!(passed.len(), talks.len(), "one call a ticket: {passed:?}");
    stage.stop().await;
}
