//! What differs between the systems the suite is played on: how one is made, and how an agent works in it.
//! Neighbours: one module a system; `suite`, which speaks to a [`Desk`] alone.

mod django_helpdesk;
mod glpi;
mod jira;
mod request_tracker;

use crate::instance;
use std::{net::SocketAddr, path::Path, time::Duration};
use tokio::{net::TcpListener, time::Instant};

/// A system that runs on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Request Tracker 5, of Debian.
    RequestTracker,
    /// django-helpdesk, of Python's packages.
    DjangoHelpdesk,
    /// A Jira Service Management that behaves as its documents say.
    FakeJira,
    /// A GLPI 11 that behaves as its source says.
    FakeGlpi,
}

impl System {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::RequestTracker,
        Self::DjangoHelpdesk,
        Self::FakeJira,
        Self::FakeGlpi,
    ];

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::RequestTracker => "Request Tracker 5",
            Self::DjangoHelpdesk => "django-helpdesk 2.6",
            Self::FakeJira => "Jira Service Management, as documented",
            Self::FakeGlpi => "GLPI 11, as its source says",
        }
    }

    /// Whether it is on this machine; if not, what puts it there.
    pub fn is_installed(self) -> Result<(), &'static str> {
        let (there, remedy) = match self {
            Self::RequestTracker => (
                instance::is_installed(),
                "tests/request-tracker/install.sh does it",
            ),
            Self::DjangoHelpdesk => (django_helpdesk::is_installed(), "tests/run systems does it"),
            Self::FakeJira | Self::FakeGlpi => (true, "it is always here"),
        };
        there.then_some(()).ok_or(remedy)
    }
}

/// The port of a fake that was stopped: its server lets go of it when it is next looked at.
fn bound_again(addr: SocketAddr) -> TcpListener {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        match std::net::TcpListener::bind(addr) {
            Ok(listener) => {
                listener.set_nonblocking(true).expect("as tokio wants it");
                return TcpListener::from_std(listener).expect("a listener");
            }
            Err(error) => assert!(Instant::now() < give_up, "{addr} is taken: {error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
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

/// What the config says of a system.
pub struct Config {
    /// The profile.
    pub profile: &'static str,
    /// What stands in the table `credentials`.
    pub credentials: String,
    /// The table `options`.
    pub options: String,
    /// Whether a customer's open ticket is looked for.
    pub reuse: &'static str,
}

/// One system, running, with an agent in it. It ends when this is dropped.
pub enum Desk {
    /// Request Tracker.
    RequestTracker(request_tracker::Desk),
    /// django-helpdesk.
    DjangoHelpdesk(django_helpdesk::Desk),
    /// The fake Jira.
    FakeJira(jira::Desk),
    /// The fake GLPI.
    FakeGlpi(glpi::Desk),
}

/// The same call of whichever system it is.
macro_rules! of {
    ($self:ident, $desk:ident => $call:expr) => {
        match $self {
            Desk::RequestTracker($desk) => $call,
            Desk::DjangoHelpdesk($desk) => $call,
            Desk::FakeJira($desk) => $call,
            Desk::FakeGlpi($desk) => $call,
        }
    };
}

impl Desk {
    /// Makes one in a folder and starts it; it posts its webhooks to the bridge named `desk` behind `hooks`.
    pub async fn start(system: System, folder: &Path, hooks: &str, secret: &str) -> Self {
        match system {
            System::RequestTracker => {
                Self::RequestTracker(request_tracker::Desk::start(folder, hooks, secret))
            }
            System::DjangoHelpdesk => {
                Self::DjangoHelpdesk(django_helpdesk::Desk::start(folder, hooks, secret))
            }
            System::FakeJira => Self::FakeJira(jira::Desk::start(hooks, secret).await),
            System::FakeGlpi => Self::FakeGlpi(glpi::Desk::start(hooks, secret).await),
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        of!(self, desk => desk.addr())
    }

    /// What the config says of it.
    pub fn config(&self) -> Config {
        of!(self, desk => desk.config())
    }

    /// Ends its server; the data stays.
    pub fn stop(&self) {
        of!(self, desk => desk.stop());
    }

    /// Starts it on the data it has.
    pub fn start_again(&self) {
        of!(self, desk => desk.start_again());
    }

    /// What its log says, for a test that failed.
    pub fn log(&self) -> String {
        of!(self, desk => desk.log())
    }

    /// What was asked that a documented system does not have; a real one has answers of its own.
    pub fn asked_in_vain(&self) -> Vec<String> {
        match self {
            Self::RequestTracker(_) | Self::DjangoHelpdesk(_) => Vec::new(),
            Self::FakeJira(desk) => desk.asked_in_vain(),
            Self::FakeGlpi(desk) => desk.asked_in_vain(),
        }
    }

    /// The path that a log-in is posted to, which changes nothing, where there is one.
    pub fn logs_in_at(&self) -> Option<&'static str> {
        match self {
            Self::RequestTracker(_) | Self::DjangoHelpdesk(_) | Self::FakeJira(_) => None,
            Self::FakeGlpi(_) => Some("/api.php/token"),
        }
    }

    /// The path that a ticket is made by.
    pub fn creates_at(&self) -> &'static str {
        of!(self, desk => desk.creates_at())
    }

    /// The word for a ticket that is done.
    pub fn solved(&self) -> &'static str {
        match self {
            Self::RequestTracker(_) | Self::DjangoHelpdesk(_) | Self::FakeJira(_) => "resolved",
            Self::FakeGlpi(_) => "solved",
        }
    }

    /// The word for a ticket that is open again.
    pub fn open_again(&self) -> &'static str {
        of!(self, desk => desk.open_again())
    }

    /// An agent opens a ticket for a customer, and tells its number.
    pub async fn opens(&self, user: &str, subject: &str) -> String {
        of!(self, desk => desk.opens(user, subject).await)
    }

    /// Looks at a ticket.
    pub async fn sees(&self, ticket: &str) -> Seen {
        of!(self, desk => desk.sees(ticket).await)
    }

    /// All tickets.
    pub async fn tickets(&self) -> Vec<Seen> {
        of!(self, desk => desk.tickets().await)
    }

    /// An agent sets a ticket's status.
    pub async fn sets_status(&self, ticket: &str, status: &str) {
        of!(self, desk => desk.sets_status(ticket, status).await);
    }

    /// An agent answers the customer on a ticket; a status may go along.
    pub async fn replies(&self, ticket: &str, text: &str, status: Option<&str>) {
        of!(self, desk => desk.replies(ticket, text, status).await);
    }

    /// An agent writes on a ticket for other agents alone.
    pub async fn comments(&self, ticket: &str, text: &str) {
        of!(self, desk => desk.comments(ticket, text).await);
    }

    /// All texts on a ticket, oldest first, without what is invisible in them.
    pub async fn reads(&self, ticket: &str) -> Vec<String> {
        let texts: Vec<String> = of!(self, desk => desk.reads(ticket).await);
        texts.iter().map(|t| t.replace('\u{2060}', "")).collect()
    }

    /// The files on a ticket: name, type, bytes.
    pub async fn files(&self, ticket: &str) -> Vec<(String, String, Vec<u8>)> {
        of!(self, desk => desk.files(ticket).await)
    }

    /// How many internal notes the bridge wrote on a ticket.
    pub async fn notes_by_bridge(&self, ticket: &str) -> usize {
        of!(self, desk => desk.notes_by_bridge(ticket).await)
    }
}
