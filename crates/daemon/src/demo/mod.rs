//! `jelou-bridge demo`: both sides in a sandbox, the daemon between them, and stories that show
//! what it does. Neighbours: `bridge_sandbox`, which plays the remotes; `cli`, which calls it.

mod stage;
mod stories;

pub use stage::{ADMIN_TOKEN, BRIDGE, RULES, Stage, StageOptions, is_quiet};

use crate::{
    app::AppError,
    clock,
    store::{HaltState, Line},
};
use bridge_core::ids::BridgeName;
use std::{future::Future, pin::Pin, time::Duration};
use stories::Told;

/// A story, by name.
type Story = (&'static str, for<'a> fn(&'a Stage) -> Playing<'a>);
type Playing<'a> = Pin<Box<dyn Future<Output = Result<Told, String>> + Send + 'a>>;

macro_rules! story {
    ($title:literal, $play:ident) => {
        ($title, |stage| Box::pin(stories::$play(stage)))
    };
}

const STORIES: [Story; 9] = [
    story!("Ticket first", ticket_first),
    story!("Customer first", customer_first),
    story!("Close from the ticket", close_from_the_ticket),
    story!("Close from Jelou", close_from_jelou),
    story!("A lost webhook, mended by the sweep", lost_webhook),
    story!("An ambiguous start, resolved", ambiguous_start),
    story!("Two tickets of one customer", two_tickets),
    story!("The halt stops a bulk close", safety_halt),
    story!("An expiry that no webhook told", expired_unseen),
];

/// What one story came to.
pub struct Played {
    /// Its title.
    pub title: &'static str,
    /// What came of it, or what went wrong.
    pub ending: Result<String, String>,
    /// The timelines of its tickets.
    pub timelines: Vec<(String, Vec<Line>)>,
}

/// Plays all stories on a stage, telling each as it ends.
///
/// # Errors
/// [`AppError`] if a timeline cannot be read; a story that ends badly is not an error here.
pub async fn play(stage: &Stage, mut tell: impl FnMut(&Played)) -> Result<bool, AppError> {
    let mut all_well = true;
    for (title, story) in STORIES {
        stage.release_halt().await.map_err(AppError::Environment)?;
        let played = match story(stage).await {
            Ok(told) => Played {
                title,
                timelines: timelines(stage, &told.tickets).await?,
                ending: Ok(told.ending),
            },
            Err(reason) => Played {
                title,
                ending: Err(reason),
                timelines: Vec::new(),
            },
        };
        all_well &= played.ending.is_ok();
        tell(&played);
    }
    Ok(all_well)
}

async fn timelines(
    stage: &Stage,
    tickets: &[String],
) -> Result<Vec<(String, Vec<Line>)>, AppError> {
    let mut all = Vec::new();
    for ticket in tickets {
        let lines = stage
            .timeline(ticket)
            .await
            .map_err(AppError::Environment)?;
        all.push((ticket.clone(), lines));
    }
    Ok(all)
}

impl Stage {
    /// How many Intents the safety halt holds.
    ///
    /// # Errors
    /// What the database said.
    pub async fn held(&self) -> Result<u64, String> {
        let halts: Vec<HaltState> = self
            .store()?
            .halts(None)
            .await
            .map_err(|error| error.to_string())?;
        Ok(halts.iter().map(|halt| halt.held).sum())
    }

    /// Waits until the safety halt holds something that no longer grows.
    ///
    /// # Errors
    /// If nothing was held in time.
    pub async fn wait_until_held(&self, within: Duration) -> Result<u64, String> {
        let give_up = clock::now().plus(within);
        let mut before = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let held = self.held().await?;
            if held > 0 && held == before {
                return Ok(held);
            }
            before = held;
            if clock::now() > give_up {
                return Err("nothing was held".to_owned());
            }
        }
    }

    /// What `halt release` does.
    ///
    /// # Errors
    /// What the database said.
    pub async fn release_halt(&self) -> Result<(), String> {
        let bridge = BridgeName::parse(BRIDGE).map_err(|error| error.to_string())?;
        let released = self
            .store()?
            .release_halt(&bridge, None, clock::now())
            .await;
        released.map(|_| ()).map_err(|error| error.to_string())
    }

    fn store(&self) -> Result<&crate::store::Store, String> {
        Ok(&self.daemon().map_err(|error| error.to_string())?.jobs.store)
    }
}
