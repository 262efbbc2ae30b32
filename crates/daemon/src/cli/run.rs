//! `run`, `migrate` and `schema`. Neighbours: `app`, which runs; `store`, which migrates.

use super::{
    args::Shared,
    ending::{Ending, FINE, Failure},
};
use crate::{
    app::{self, RunOptions},
    config,
    store::{Options, Store},
};
use serde_json::json;

/// Runs the bridge until it is told to stop.
pub(super) async fn run(shared: &Shared, migrate: bool) -> Result<Ending, Failure> {
    app::run(RunOptions {
        config: shared.config.clone(),
        migrate,
    })
    .await?;
    Ok(Ending::silent(FINE))
}

/// Brings the database's tables up to date. It is made if there is none.
pub(super) async fn migrate(shared: &Shared) -> Result<Ending, Failure> {
    let config = config::load(&shared.config)?;
    let options = Options {
        migrate: true,
        create: true,
    };
    let store = Store::open(&config.database_url, options).await?;
    let applied = store.migrated();
    store.close().await;
    let text = match applied {
        0 => "The database was up to date.\n".to_owned(),
        1 => "One migration was applied; the database is up to date.\n".to_owned(),
        many => format!("{many} migrations were applied; the database is up to date.\n"),
    };
    Ok(Ending::new(text, json!({ "applied": applied })))
}

/// The JSON Schema of the configuration file, or of profile files.
pub(super) fn schema(of_profiles: bool) -> Ending {
    let schema = match of_profiles {
        true => ticketing_adapter::Profile::schema(),
        false => config::schema(),
    };
    Ending::new(format!("{schema:#}\n"), schema)
}
