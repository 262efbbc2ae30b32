//! The words of the command line. Neighbour: mod, which does what they say.

use bridge_core::mapping::Span;
use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};
use url::Url;

/// Keeps a ticketing system and Jelou in step, both ways.
#[derive(Debug, Parser)]
#[command(name = "jelou-bridge", version, about, propagate_version = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub shared: Shared,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(ClapArgs)]
pub(super) struct Shared {
    /// The configuration file
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "JELOU_BRIDGE_CONFIG",
        default_value = "./bridge.toml"
    )]
    pub config: PathBuf,
    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// The running daemon's admin address, as `http://HOST:PORT`, in place of the configuration's
    #[arg(long, global = true, value_name = "URL", value_parser = admin_address)]
    pub admin: Option<Url>,
    /// The admin API's token, in place of the configuration's
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        env = "JELOU_BRIDGE_ADMIN_TOKEN",
        hide_env_values = true
    )]
    pub admin_token: Option<String>,
}

/// `localhost:8081` is a URL too, of the scheme `localhost`: nothing can be asked for there.
fn admin_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| "write it as http://HOST:PORT".to_owned())
}

/// The token does not show.
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .field("json", &self.json)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the bridge
    Run {
        /// Refuse to start when the database's tables are not up to date
        #[arg(long)]
        no_migrate: bool,
    },
    /// Play stories between a sandbox Jelou, a sandbox helpdesk and a bridge on this machine
    Demo {
        /// Play the stories and end: 0 if all went well, else 1
        #[arg(long)]
        once: bool,
    },
    /// Run one of the two sandboxes alone
    Sandbox {
        #[command(subcommand)]
        which: Sandbox,
    },
    /// Check the configuration; each error names file, line, key and remedy
    Check,
    /// Compare what Jelou, the ticketing system and this machine have with the configuration
    Doctor {
        /// Only this bridge
        #[arg(long, value_name = "NAME")]
        bridge: Option<String>,
    },
    /// Make the integration at Jelou and the ticketing system's webhooks what the configuration says; run it
    /// again at any time
    Setup(Setup),
    /// Tell what the bridge would make of a webhook, and by which rule; or, with a ticket or conversation alone,
    /// why that conversation did not start or close. Nothing is sent or stored
    Explain(Explain),
    /// Bring the database's tables up to date
    Migrate,
    /// Print the JSON Schema of the configuration file
    Schema {
        /// Of profile files instead, which teach the bridge a ticketing system
        #[arg(long)]
        profile: bool,
    },
    /// List, show or check the files that teach the bridge a ticketing system
    Profile {
        #[command(subcommand)]
        command: ProfileCommand,
    },
    /// Show which tickets and conversations belong together
    Links(Links),
    /// Tie a ticket and a conversation together
    Link {
        /// The ticket's id
        ticket: String,
        /// The conversation's id
        conversation: String,
        /// Also where the ticket names another customer, who then does not get what agents write on it
        #[arg(long)]
        other_customer: bool,
        /// The bridge, where there are several
        #[arg(long, value_name = "NAME")]
        bridge: Option<String>,
    },
    /// End a link; the ticket and the conversation stay as they are
    Unlink {
        /// The ticket's id, or the link's
        #[arg(value_name = "TICKET|LINK")]
        id: String,
        /// The bridge, where several know the ticket
        #[arg(long, value_name = "NAME")]
        bridge: Option<String>,
    },
    /// Tell what happened to a ticket, a conversation or a customer
    Timeline(Whose),
    /// Show, retry or discard work that waits for a person
    Parked(Parked),
    /// Show or release the safety halt
    Halt(Halt),
    /// Look at both sides for what no webhook said
    Sweep {
        /// Make a round now; the daemon makes one every `sweep.every` by itself
        #[arg(long, required = true)]
        now: bool,
        /// Only this bridge
        #[arg(long, value_name = "NAME")]
        bridge: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// List the profiles that are built in
    List,
    /// Print one, to begin your own with: `profile show generic > helpdesk.toml`
    Show {
        /// A built-in one, or a file
        #[arg(value_name = "NAME|FILE")]
        profile: String,
    },
    /// Check one: each error names file, line, key and remedy
    Check {
        /// A file, or a built-in one
        #[arg(value_name = "FILE|NAME")]
        profile: String,
        /// Try it on the configured system too: a ticket that says it is a test is made, changed, found and
        /// left solved
        #[arg(long)]
        live: bool,
        #[command(flatten)]
        with: LiveArgs,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct LiveArgs {
    /// On the system of this bridge, where there are several
    #[arg(long, value_name = "NAME", requires = "live")]
    pub bridge: Option<String>,
    /// The longest wait for anything that shows late, such as `60s` (at most three minutes without it)
    #[arg(long, value_name = "TIME", requires = "live")]
    pub wait: Option<Span>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Setup {
    /// Only this bridge
    #[arg(long, value_name = "NAME")]
    pub bridge: Option<String>,
    /// Have Jelou make a new signing secret, with no webhook lost, and write it to its file
    #[arg(long, conflicts_with_all = ["remove", "force"])]
    pub rotate_secret: bool,
    /// Take the integration and the ticketing system's webhooks away: none come any more
    #[arg(long)]
    pub remove: bool,
    /// Also where the integration is somebody else's, or looks right
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Explain {
    /// The webhook's body, as a file; `-` reads standard input
    #[arg(
        value_name = "EVENT.json",
        required_unless_present_any = ["ticket", "conversation"],
        requires = "side"
    )]
    pub event: Option<PathBuf>,
    /// The bridge, where there are several
    #[arg(long, value_name = "NAME")]
    pub bridge: Option<String>,
    /// Who would have sent it
    #[arg(long, requires = "event")]
    pub side: Option<SideName>,
    /// What is known of the customer, as a file that the admin API's /lanes answered
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "ticket",
        requires = "event"
    )]
    pub lane: Option<PathBuf>,
    /// Explain it against what is known of the customer of this ticket; without a body, what each rule finds
    /// stored of the ticket
    #[arg(long, value_name = "ID")]
    pub ticket: Option<String>,
    /// Without a body: what each rule finds stored of this conversation
    #[arg(long, value_name = "ID", conflicts_with_all = ["event", "ticket"])]
    pub conversation: Option<String>,
    /// Make the reads that the plan rests on
    #[arg(long, requires = "event")]
    pub read: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SideName {
    Jelou,
    Ticketing,
}

impl SideName {
    /// The word that the API takes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Jelou => "jelou",
            Self::Ticketing => "ticketing",
        }
    }
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Links {
    #[command(subcommand)]
    pub command: Option<LinksCommand>,
    #[command(flatten)]
    pub filter: LinksFilter,
}

#[derive(Debug, Subcommand)]
pub(super) enum LinksCommand {
    /// List links, the latest changed first
    List(LinksFilter),
    /// Show one link with all that was planned for it
    Show {
        /// The link's id
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct LinksFilter {
    /// Only of this bridge
    #[arg(long, value_name = "NAME")]
    pub bridge: Option<String>,
    /// Only with this ticket
    #[arg(long, value_name = "ID")]
    pub ticket: Option<String>,
    /// Only with this conversation
    #[arg(long, value_name = "ID")]
    pub conversation: Option<String>,
    /// Only in this state: linked, waiting_busy, conversation_wanted, ticket_wanted, unwanted, ended
    #[arg(long)]
    pub state: Option<String>,
    /// Only those that have not ended
    #[arg(long)]
    pub live: bool,
    /// What does not move instead, links or not: since when, why, and on what it waits
    #[arg(long, conflicts_with_all = ["ticket", "conversation", "state", "live"])]
    pub stuck: bool,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
}

#[derive(ClapArgs)]
#[command(group(ArgGroup::new("whose").required(true).args(["ticket", "conversation", "user"])))]
pub(super) struct Whose {
    /// A ticket's
    #[arg(long, value_name = "ID")]
    pub ticket: Option<String>,
    /// A conversation's
    #[arg(long, value_name = "ID")]
    pub conversation: Option<String>,
    /// A customer's, as Jelou or the mapping spells them
    #[arg(long, value_name = "ID")]
    pub user: Option<String>,
    /// Only of this bridge
    #[arg(long, value_name = "NAME")]
    pub bridge: Option<String>,
}

/// A user's id is mostly a phone number.
impl std::fmt::Debug for Whose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Whose")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Parked {
    #[command(subcommand)]
    pub command: Option<ParkedCommand>,
    #[command(flatten)]
    pub filter: ParkedFilter,
}

#[derive(Debug, Subcommand)]
pub(super) enum ParkedCommand {
    /// List what waits for a person, the oldest first; exit code 1 if there is any
    List(ParkedFilter),
    /// Show one
    Show {
        /// Its name in the list
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Try again: one, or all that the filters leave
    Retry(Chosen),
    /// Give up: one, or all that the filters leave
    Discard(Chosen),
}

#[derive(Debug, ClapArgs)]
pub(super) struct ParkedFilter {
    #[command(flatten)]
    pub which: Which,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
}

/// What narrows parked work down, for lists and for decisions.
#[derive(Debug, ClapArgs)]
pub(super) struct Which {
    /// Only of this bridge
    #[arg(long, value_name = "NAME")]
    pub bridge: Option<String>,
    /// Only for this reason, such as unreadable, refused or unknown_outcome
    #[arg(long, value_name = "WORD")]
    pub reason: Option<String>,
    /// Only writes of this kind, such as start, close, status, create or note
    #[arg(long, value_name = "KIND")]
    pub operation: Option<String>,
    /// Only writes to this side, and webhooks of it
    #[arg(long)]
    pub side: Option<SideName>,
    /// Only what concerns this ticket
    #[arg(long, value_name = "ID")]
    pub ticket: Option<String>,
    /// Only what is parked for longer, and webhooks received longer ago, such as 30m, 12h or 7d
    #[arg(long, value_name = "TIME")]
    pub older_than: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("chosen").required(true).multiple(true)
    .args(["id", "bridge", "reason", "operation", "side", "ticket", "older_than", "all"])))]
pub(super) struct Chosen {
    /// Its name in the list
    #[arg(value_name = "ID", conflicts_with_all = ["bridge", "reason", "operation", "side", "ticket", "older_than", "all"])]
    pub id: Option<String>,
    #[command(flatten)]
    pub which: Which,
    /// All
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Halt {
    #[command(subcommand)]
    pub command: Option<HaltCommand>,
    #[command(flatten)]
    pub filter: HaltFilter,
}

#[derive(Debug, Subcommand)]
pub(super) enum HaltCommand {
    /// List the halts of all bridges, and what each holds
    List(HaltFilter),
    /// Let go what is held now, uncounted
    Release {
        /// Only of this bridge
        #[arg(long, value_name = "NAME")]
        bridge: Option<String>,
        /// Only this kind of write: start, close or status
        #[arg(long, value_name = "KIND")]
        operation: Option<String>,
    },
}

#[derive(Debug, PartialEq, Eq, ClapArgs)]
pub(super) struct HaltFilter {
    /// Only of this bridge
    #[arg(long, value_name = "NAME")]
    pub bridge: Option<String>,
    /// Of what each holds, at most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Sandbox {
    /// A Jelou on this machine
    Jelou {
        /// Where it listens
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
        /// Where its webhooks go
        #[arg(long, value_name = "URL")]
        webhook_url: Option<String>,
        /// What signs them
        #[arg(long, value_name = "SECRET")]
        signing_secret: Option<String>,
        /// Its project
        #[arg(long, value_name = "ID")]
        project_id: Option<String>,
        /// What a second start for a busy customer does
        #[arg(long, value_name = "MODEL", default_value = "refuse")]
        second_start: SecondStartName,
    },
    /// A helpdesk on this machine
    Helpdesk {
        /// Where it listens
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8091")]
        listen: SocketAddr,
        /// Where its webhooks go
        #[arg(long, value_name = "URL")]
        webhook_url: Option<String>,
        /// What signs them
        #[arg(long, value_name = "SECRET")]
        webhook_secret: Option<String>,
        /// The bridge's bearer token
        #[arg(long, value_name = "TOKEN")]
        token: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SecondStartName {
    Refuse,
    ReturnExisting,
    StartAnother,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halts_asked_for(arguments: &[&str]) -> HaltFilter {
        let all = [&["jelou-bridge"][..], arguments].concat();
        let Command::Halt(halt) = Args::try_parse_from(all).unwrap().command else {
            panic!("{arguments:?} is no halt");
        };
        match halt.command {
            None => halt.filter,
            Some(HaltCommand::List(filter)) => filter,
            Some(HaltCommand::Release { .. }) => panic!("{arguments:?} lists nothing"),
        }
    }

    #[test]
    fn an_admin_address_without_its_scheme_is_told_how_it_is_written() {
        for wrong in ["localhost:8081", "127.0.0.1:8081", "localhost"] {
            let all = ["jelou-bridge", "halt", "--admin", wrong];
            let said = Args::try_parse_from(all).unwrap_err().to_string();
            assert!(said.contains("write it as http://HOST:PORT"), "{said}");
        }
        let all = ["jelou-bridge", "halt", "--admin", "http://localhost:8081"];
        let admin = Args::try_parse_from(all).unwrap().shared.admin;
        assert_eq!(admin.unwrap().as_str(), "http://localhost:8081/");
    }

    #[test]
    fn halt_takes_the_flags_of_its_list_without_the_word() {
        let flags = ["--bridge", "main", "--limit", "10000", "--json"];
        let wanted = HaltFilter {
            bridge: Some("main".to_owned()),
            limit: Some(10_000),
        };
        for words in [&["halt"][..], &["halt", "list"]] {
            assert_eq!(halts_asked_for(&[words, &flags].concat()), wanted);
        }
    }
}
