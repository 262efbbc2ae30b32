//! What the calls that follow the making of a ticket tell of a system. Neighbours: `suite`, where they are
//! answered with yes; `request_tracker/proxy`, which answers otherwise.

use crate::{
    desk::System,
    stage::{PATIENCE, Stage},
};
use std::time::Duration;
use tokio::time::Instant;

/// What the door before the system asks for: `Retry-After` is in seconds (RFC 9110, 10.2.3).
const BUSY: &str = "429 Too Many Requests\r\nRetry-After: 6";

/// The same, less what two calls may differ by on their way through the door.
const ASKED_FOR: Duration = Duration::from_millis(5_500);

/// GLPI's ticket is made, and its customer cannot be put on it yet: the ticket counts, and who comes next
/// waits as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_asks_for_time_after_it_made_a_ticket_gets_it_from_everybody() {
    let stage = Stage::start(System::FakeGlpi).await;
    stage.rest.refuse_next("POST", "/TeamMember", BUSY);
    let (first, next) = ("5511987650401", "5511987650402");
    starts(&stage, first);
    let give_up = Instant::now() + PATIENCE;
    let refused = loop {
        let passed = stage.rest.passed();
        if let Some(call) = passed.iter().find(|c| c.path.ends_with("/TeamMember")) {
            break call.at;
        }
        stage.patient("the customer is refused", give_up).await;
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    starts(&stage, next);
    while stage.desk.tickets().await.len() < 2 {
        stage.patient("both tickets are made", give_up).await;
    }
    stage.settle().await;

    // A call that was on its way already is nobody's fault.
    let passed = stage.rest.passed();
    let early: Vec<_> = passed
        .iter()
        .filter(|call| call.at > refused + Duration::from_millis(400))
        .filter(|call| call.at < refused + ASKED_FOR)
        .collect();
    assert!(early.is_empty(), "asked for in the pause: {early:?}");
    for seen in stage.desk.tickets().await {
        let on_it = stage.desk.customers(&seen.id);
        assert_eq!(on_it.map(|all| all.len()), Some(1), "{seen:?}");
    }
    stage.stop().await;
}

fn starts(stage: &Stage, user: &str) {
    let jelou = &stage.jelou.handle;
    jelou.add_user(user, "Helio Braga");
    jelou.customer_starts(user, "Bom dia").expect("free");
}
