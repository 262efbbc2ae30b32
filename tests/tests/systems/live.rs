//! What `profile check --live` finds at each system: that its profile holds. Neighbours: `suite`, where it is one of the
//! stories; the daemon's own tests, which show what it finds where a profile only claims.

use crate::stage::Stage;
use jelou_bridge::setup::live::{Trial, Tried, Verdict};
use std::time::Duration;

/// As long as any of these systems is behind, several times over.
const WAIT: Duration = Duration::from_secs(20);

/// Each call that the profile has is made on the system itself and does what the profile says; the ticket is left
/// solved where the system can do that.
pub async fn tried_live_its_profile_holds(stage: &Stage) {
    let runtime = stage.runtime();
    let bridge = runtime.bridges.values().next().expect("its bridge");
    let mut trial = Trial::new(bridge, WAIT).expect("this moment has a name");
    trial.play().await;
    trial.clean_up().await;
    let failed: Vec<_> = trial
        .tried
        .iter()
        .filter(|one| one.verdict == Verdict::Fails)
        .collect();
    assert!(
        failed.is_empty(),
        "{failed:#?} {:#?} {}",
        stage.desk.tickets().await,
        stage.told().await
    );
    // Two lists may spare themselves what the bridge itself wrote, and the trial then says so.
    let spared = |one: &Tried| {
        let said = one.found.contains("a person's comment would show");
        one.verdict == Verdict::NotTried && said
    };
    let works = |what: &str| {
        let mut tried = trial.tried.iter();
        tried.any(|one| one.what == what && (one.verdict == Verdict::Works || spared(one)))
    };
    for operation in bridge.config.profile.review().operations {
        let mapped = ["attach", "set_fields"].contains(&operation.name);
        assert!(
            !operation.is_there || mapped || works(operation.name),
            "{} was not tried: {:#?}",
            operation.name,
            trial.tried
        );
    }
    stage.settle().await;
}
