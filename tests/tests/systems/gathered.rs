//! What only a system shows that tells of several tickets in one body. Neighbour: `suite`, whose tickets have bodies of
//! their own.

use crate::{
    desk::System,
    stage::{PATIENCE, Stage},
    suite::linked,
};
use jelou_bridge::clock;
use tokio::time::Instant;

/// Two customers' tickets in one body: each goes to the customer whose it is, and no round of the sweep is needed.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_tickets_in_one_body_each_goes_to_its_own_customer() {
    let stage = Stage::start(System::FakeHubSpot).await;
    let (ana, bea) = ("5511987650301", "5511987650302");
    let first = linked(&stage, ana).await;
    let second = stage
        .desk
        .sets_and_opens(&first.ticket, "waiting on contact", bea, "A parcel")
        .await;
    let jelou = &stage.jelou.handle;
    let give_up = Instant::now() + PATIENCE;
    while jelou.conversations_of_ticket(&second).is_empty() {
        stage
            .waits("the second ticket has its conversation", give_up)
            .await;
    }
    stage.settle().await;
    let talks = jelou.conversations_of_ticket(&second);
    assert_eq!(talks.len(), 1, "{talks:?}");
    assert_eq!(talks[0].user, bea, "it is with the customer of that ticket");
    let of_first = jelou.conversations_of_ticket(&first.ticket);
    assert!(of_first.iter().all(|talk| talk.user == ana && talk.active));
    let counts = stage.store().counts(clock::now()).await.expect("counts");
    assert!(counts.parked.is_empty(), "{counts:?}");
    stage.stop().await;
}
