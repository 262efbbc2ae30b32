//! What differs between the systems the suite is played on: how one is made, and how an agent works in it.
//! Neighbours: one module a system; `fake`, the ground of those that are not real; `suite`, which speaks to a
//! [`Desk`] alone.
//!
//! One system more is its module, a line in [`System`] with one in `ALL` and one in `start`, and its test in
//! `main`.

mod django_helpdesk;
mod fake;
mod freshdesk;
mod frontdesk;
mod glpi;
mod hubspot;
mod jira;
mod osticket;
mod redmine;
mod request_tracker;
mod servicenow;
mod zammad;
mod zendesk;

use crate::instance;
use fake::Fake;
use std::{future::Future, net::SocketAddr, path::Path, pin::Pin, time::Duration};
use ticketing_adapter::profile::Profile;

/// A system that runs on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Request Tracker 5, of Debian.
    RequestTracker,
    /// django-helpdesk, of Python's packages.
    DjangoHelpdesk,
    /// A Zendesk that behaves as its pages say.
    FakeZendesk,
    /// A Jira Service Management that behaves as its documents say.
    FakeJira,
    /// A GLPI 11 that behaves as its source says.
    FakeGlpi,
    /// A ServiceNow that behaves as its pages say.
    FakeServiceNow,
    /// A HubSpot that behaves as its pages say.
    FakeHubSpot,
    /// An osTicket that behaves as its source says.
    FakeOsTicket,
    /// A Freshdesk that behaves as its pages say.
    FakeFreshdesk,
    /// A Zammad that behaves as its pages and its source say.
    FakeZammad,
    /// A Redmine 5.0 that behaves as the 5.0.4 did that was run once for its facts.
    FakeRedmine,
    /// The same with the webhooks of the coming version.
    FakeRedmineWebhooks,
    /// The helpdesk of the tutorial.
    Frontdesk,
}

impl System {
    /// All of them, with what people call each.
    pub const ALL: &[(Self, &str)] = &[
        (Self::RequestTracker, "Request Tracker 5"),
        (Self::DjangoHelpdesk, "django-helpdesk 2.6"),
        (Self::FakeZendesk, "Zendesk, as documented"),
        (Self::FakeJira, "Jira Service Management, as documented"),
        (Self::FakeGlpi, "GLPI 11, as its source says"),
        (Self::FakeServiceNow, "ServiceNow, as documented"),
        (Self::FakeHubSpot, "HubSpot tickets, as documented"),
        (Self::FakeOsTicket, "osTicket, as its source says"),
        (Self::FakeFreshdesk, "Freshdesk, as documented"),
        (Self::FakeZammad, "Zammad, as documented"),
        (Self::FakeRedmine, "Redmine 5.0, as one behaved"),
        (
            Self::FakeRedmineWebhooks,
            "Redmine with webhooks, as its source says",
        ),
        (Self::Frontdesk, "Frontdesk, the tutorial's"),
    ];

    /// What people call it.
    pub fn title(self) -> &'static str {
        let named = Self::ALL.iter().find(|(system, _)| *system == self);
        named.expect("all are there").1
    }

    /// Whether it is on this machine; if not, what puts it there. A fake always is.
    pub fn is_installed(self) -> Result<(), &'static str> {
        match self {
            Self::RequestTracker if !instance::is_installed() => {
                Err("tests/request-tracker/install.sh does it")
            }
            Self::DjangoHelpdesk if !django_helpdesk::is_installed() => {
                Err("tests/run systems does it")
            }
            _ => Ok(()),
        }
    }

    /// Makes one in a folder and starts it; it posts its webhooks to the bridge named `desk` behind `hooks`.
    fn start(self, folder: &Path, hooks: &str, secret: &str) -> Box<dyn Agent> {
        match self {
            Self::RequestTracker => Box::new(request_tracker::Desk::start(folder, hooks, secret)),
            Self::DjangoHelpdesk => Box::new(django_helpdesk::Desk::start(folder, hooks, secret)),
            Self::FakeZendesk => Box::new(zendesk::Desk::start(hooks, secret)),
            Self::FakeJira => Fake::start(jira::World::new(secret), hooks),
            Self::FakeGlpi => Fake::start(glpi::World::new(secret), hooks),
            Self::FakeServiceNow => Fake::start(servicenow::World::new(secret), hooks),
            Self::FakeHubSpot => Fake::start(hubspot::World::new(hooks, secret), hooks),
            Self::FakeOsTicket => Fake::start(osticket::World::default(), hooks),
            Self::FakeFreshdesk => Fake::start(freshdesk::World::new(folder, secret), hooks),
            Self::FakeZammad => Fake::start(zammad::World::new(folder, secret), hooks),
            Self::FakeRedmine => Fake::start(redmine::World::default(), hooks),
            Self::FakeRedmineWebhooks => Fake::start(redmine::World::with_webhooks(secret), hooks),
            Self::Frontdesk => Fake::start(frontdesk::World::new(folder, secret), hooks),
        }
    }
}

/// A ticket as an agent sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its number.
    pub id: String,
    /// Its status, in the profile's word.
    pub status: String,
    /// The conversation in its link field.
    pub conversation: Option<String>,
}

/// A file: name, type, bytes.
pub type File = (String, String, Vec<u8>);

/// What the config says of a system, and its words.
pub struct Config {
    /// The profile's name, or its file.
    pub profile: String,
    /// What stands in the table `credentials`.
    pub credentials: String,
    /// The table `options`.
    pub options: String,
    /// The path that a ticket is made by.
    pub creates_at: &'static str,
    /// The path that a log-in is posted to, which changes nothing, where there is one.
    pub logs_in_at: Option<&'static str>,
    /// The word for a ticket that is done.
    pub solved: &'static str,
    /// The word for a ticket that is open again.
    pub open_again: &'static str,
    /// How long its lists and searches do not know of a change.
    pub lag: Duration,
    /// Whether its webhooks tell all that agents do; what they do not, rounds of the sweep find.
    pub webhooks: bool,
}

/// What takes its time.
pub type Doing<'a, T = ()> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One system, running, and what an agent does in it. It ends when this is dropped.
pub trait Agent: Send + Sync {
    /// Where it listens.
    fn addr(&self) -> SocketAddr;

    /// What the config says of it.
    fn config(&self) -> Config;

    /// The common rules, as this system has them.
    fn rules(&self, common: &str) -> String {
        common.to_owned()
    }

    /// Ends its server; the data stays.
    fn stop(&self);

    /// Starts it on the data it has.
    fn start_again(&self);

    /// What its log says, for a test that failed.
    fn log(&self) -> String;

    /// What was asked that a documented system does not have; a real one has answers of its own.
    fn asked_in_vain(&self) -> Vec<String> {
        Vec::new()
    }

    /// How many webhooks were sent, and whether each has its answer. What most systems send, they send
    /// before whoever caused it is answered: those have nothing to tell.
    fn sent(&self) -> (usize, bool) {
        (0, true)
    }

    /// An agent opens a ticket for a customer, and tells its number.
    fn opens<'a>(&'a self, user: &'a str, subject: &'a str) -> Doing<'a, String>;

    /// Looks at a ticket.
    fn sees<'a>(&'a self, ticket: &'a str) -> Doing<'a, Seen>;

    /// All tickets.
    fn tickets(&self) -> Doing<'_, Vec<Seen>>;

    /// An agent sets a ticket's status.
    fn sets_status<'a>(&'a self, ticket: &'a str, status: &'a str) -> Doing<'a>;

    /// An agent sets a ticket's status and opens one for another customer in the same moment: a system that
    /// gathers tells of both in one body. Tells the number of the second.
    fn sets_and_opens<'a>(
        &'a self,
        ticket: &'a str,
        status: &'a str,
        user: &'a str,
        subject: &'a str,
    ) -> Doing<'a, String> {
        Box::pin(async move {
            self.sets_status(ticket, status).await;
            self.opens(user, subject).await
        })
    }

    /// An agent answers the customer on a ticket; a status may go along.
    fn replies<'a>(&'a self, ticket: &'a str, text: &'a str, status: Option<&'a str>) -> Doing<'a>;

    /// An agent writes on a ticket for other agents alone.
    fn comments<'a>(&'a self, ticket: &'a str, text: &'a str) -> Doing<'a>;

    /// All texts on a ticket, oldest first.
    fn reads<'a>(&'a self, ticket: &'a str) -> Doing<'a, Vec<String>>;

    /// The customers on a ticket, by the bridge's ids for them; `None` where nobody looks.
    fn customers(&self, _ticket: &str) -> Option<Vec<String>> {
        None
    }

    /// The files on a ticket.
    fn files<'a>(&'a self, ticket: &'a str) -> Doing<'a, Vec<File>>;

    /// How many internal notes the bridge wrote on a ticket.
    fn notes_by_bridge<'a>(&'a self, ticket: &'a str) -> Doing<'a, usize>;
}

/// A desk whose own functions have these names is an [`Agent`].
macro_rules! is_an_agent {
    ($desk:ty) => {
        impl $crate::desk::Agent for $desk {
            fn addr(&self) -> std::net::SocketAddr {
                self.addr()
            }

            fn config(&self) -> $crate::desk::Config {
                self.config()
            }

            fn stop(&self) {
                self.stop();
            }

            fn start_again(&self) {
                self.start_again();
            }

            fn log(&self) -> String {
                self.log()
            }

            fn opens<'a>(
                &'a self,
                user: &'a str,
                subject: &'a str,
            ) -> $crate::desk::Doing<'a, String> {
                Box::pin(self.opens(user, subject))
            }

            fn sees<'a>(&'a self, ticket: &'a str) -> $crate::desk::Doing<'a, Seen> {
                Box::pin(self.sees(ticket))
            }

            fn tickets(&self) -> $crate::desk::Doing<'_, Vec<Seen>> {
                Box::pin(self.tickets())
            }

            fn sets_status<'a>(
                &'a self,
                ticket: &'a str,
                status: &'a str,
            ) -> $crate::desk::Doing<'a> {
                Box::pin(self.sets_status(ticket, status))
            }

            fn replies<'a>(
                &'a self,
                ticket: &'a str,
                text: &'a str,
                status: Option<&'a str>,
            ) -> $crate::desk::Doing<'a> {
                Box::pin(self.replies(ticket, text, status))
            }

            fn comments<'a>(&'a self, ticket: &'a str, text: &'a str) -> $crate::desk::Doing<'a> {
                Box::pin(self.comments(ticket, text))
            }

            fn reads<'a>(&'a self, ticket: &'a str) -> $crate::desk::Doing<'a, Vec<String>> {
                Box::pin(self.reads(ticket))
            }

            fn files<'a>(
                &'a self,
                ticket: &'a str,
            ) -> $crate::desk::Doing<'a, Vec<$crate::desk::File>> {
                Box::pin(self.files(ticket))
            }

            fn notes_by_bridge<'a>(&'a self, ticket: &'a str) -> $crate::desk::Doing<'a, usize> {
                Box::pin(self.notes_by_bridge(ticket))
            }
        }
    };
}
use is_an_agent;

/// A system that was started, and its words.
pub struct Desk {
    agent: Box<dyn Agent>,
    /// What the config says of it.
    pub config: Config,
    /// The profile that the config names, compiled.
    pub profile: Profile,
}

impl std::ops::Deref for Desk {
    type Target = dyn Agent;

    fn deref(&self) -> &Self::Target {
        &*self.agent
    }
}

impl Desk {
    /// Makes one in a folder and starts it; it posts its webhooks to the bridge named `desk` behind `hooks`.
    pub fn start(system: System, folder: &Path, hooks: &str, secret: &str) -> Self {
        let agent = system.start(folder, hooks, secret);
        let config = agent.config();
        let profile = compiled(&config.profile);
        Self {
            agent,
            config,
            profile,
        }
    }

    /// The word for a ticket that is done.
    pub fn solved(&self) -> &'static str {
        self.config.solved
    }

    /// The word for a ticket that is open again.
    pub fn open_again(&self) -> &'static str {
        self.config.open_again
    }

    /// All texts on a ticket, oldest first, without what is invisible in them.
    pub async fn reads(&self, ticket: &str) -> Vec<String> {
        let texts = self.agent.reads(ticket).await;
        texts.iter().map(|t| t.replace('\u{2060}', "")).collect()
    }
}

fn compiled(named: &str) -> Profile {
    if let Some(builtin) = Profile::builtin(named) {
        return builtin;
    }
    let text = std::fs::read_to_string(named).expect("a file of the desk's");
    Profile::load(&text, named).expect("a right profile")
}
