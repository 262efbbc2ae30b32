//! The command line. Neighbours: `api`, whose operations the state commands ask for; `app`, which
//! runs the daemon; `explain`, `config` and `demo`, which answer without one.
//!
//! Each command ends in an [`Ending`]: what to print, as text or as one JSON document, and the exit
//! code. Only this room prints; logs go to standard error.

mod args;
mod check;
mod decided;
mod demo;
mod doctor;
mod door;
mod ending;
mod explain;
mod live;
mod profile;
mod run;
mod sandbox;
mod setup;
mod show;
mod state;
mod table;

use crate::api::link::LinkWanted;
use args::{Args, Command};
use clap::Parser;
use ending::{Ending, Failure};
use std::process::ExitCode;

/// Reads the arguments, does what they say, prints, and gives the exit code: 0 fine, 1 found
/// something, 2 wrong use, 3 environment.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return ending::misused(&error, asks_for_json(std::env::args_os())),
    };
    let json = args.shared.json;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(args)),
        Err(error) => Err(Failure::environment(
            format!("the process cannot start its threads: {error}"),
            "look at the limits of this user",
        )),
    };
    match ended {
        Ok(ending) => ending.print(json),
        Err(failure) => failure.print(json),
    }
}

/// Whether `--json` is among the arguments, where they cannot be read as a whole. What stands behind
/// `--` is no flag.
fn asks_for_json(arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    arguments
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json")
}

async fn dispatch(args: Args) -> Result<Ending, Failure> {
    let Args { shared, command } = args;
    match command {
        Command::Run { no_migrate } => run::run(&shared, !no_migrate).await,
        Command::Demo { once } => demo::demo(once, shared.json).await,
        Command::Sandbox { which } => sandbox::sandbox(which, shared.json).await,
        Command::Check => Ok(check::check(&shared)),
        Command::Doctor { bridge } => doctor::doctor(&shared, bridge).await,
        Command::Setup(asked) => setup::setup(&shared, asked).await,
        Command::Explain(asked) => explain::explain(&shared, asked).await,
        Command::Migrate => run::migrate(&shared).await,
        Command::Schema { profile } => Ok(run::schema(profile)),
        Command::Profile { command } => profile::profile(&shared, command).await,
        Command::Links(links) => state::links(&shared, links).await,
        Command::Link {
            ticket,
            conversation,
            other_customer,
            bridge,
        } => {
            let wanted = LinkWanted {
                ticket,
                conversation,
                other_customer,
                bridge,
            };
            state::link(&shared, wanted).await
        }
        Command::Unlink { id, bridge } => state::unlink(&shared, id, bridge).await,
        Command::Timeline(whose) => state::timeline(&shared, whose).await,
        Command::Parked(parked) => state::parked(&shared, parked).await,
        Command::Halt(halt) => state::halt(&shared, halt).await,
        Command::Sweep { now: _, bridge } => state::sweep(&shared, bridge).await,
    }
}
