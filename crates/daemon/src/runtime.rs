//! The bridges as configured now: their rules and their clients. Neighbours: `config`, which makes
//! the values; `jobs`, which works with them. A reload makes a new one and leaves the old to whoever
//! still works with it.

use crate::{
    clock, config,
    config::Config,
    gate::{Gate, Target},
};
use bridge_core::{
    effect::Operation,
    event::Side,
    ids::BridgeName,
    lane::{Capabilities, Rules},
    time::Timestamp,
};
use bridge_transport::{Fetcher, Transport, system_names};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use ticketing_adapter::{Further, Pace, Turn};
use url::Url;

/// At least this many open conversations are read in a round, however small the share: a round
/// that reads none finds nothing.
const LOOKS_MIN: u32 = 5;

/// No round reads more: the next one goes on where it ended.
const LOOKS_MAX: u32 = 5_000;

/// Why a configuration that was checked cannot be worked with.
#[derive(Debug, thiserror::Error)]
#[error("bridge {bridge}: {reason}")]
pub struct CannotBuild {
    bridge: BridgeName,
    reason: String,
}

/// One bridge with its clients.
pub struct Bridge {
    /// Its name.
    pub name: BridgeName,
    /// Its part of the configuration.
    pub config: config::Bridge,
    /// The Jelou side.
    pub jelou: jelou_adapter::client::Client,
    /// The ticketing side.
    pub ticketing: ticketing_adapter::Client,
    /// What fetches customers' files, for all bridges together.
    pub files: Fetcher,
}

/// All bridges as configured at one moment.
pub struct Runtime {
    /// The configuration they were made of.
    pub config: Arc<Config>,
    /// The bridges.
    pub bridges: BTreeMap<BridgeName, Arc<Bridge>>,
}

impl Runtime {
    /// Makes the clients of all bridges. The gate is asked for each call of an operation beyond those that
    /// it let through.
    ///
    /// # Errors
    /// [`CannotBuild`] if a value that passed the check cannot be put into a request.
    pub fn build(
        config: Arc<Config>,
        transport: &Transport,
        gate: &Arc<Gate>,
    ) -> Result<Self, CannotBuild> {
        let files = Fetcher::new(system_names);
        let mut bridges = BTreeMap::new();
        for (name, part) in &config.bridges {
            let jelou = jelou_adapter::client::Client::new(transport.clone(), &part.jelou.client)
                .map_err(|bad| CannotBuild {
                bridge: name.clone(),
                reason: bad.to_string(),
            })?;
            let ticketing = ticketing_adapter::Client::new(
                Arc::clone(&part.profile),
                Arc::clone(&part.ticketing),
                transport.clone(),
            );
            let ticketing = ticketing.paced(pace(gate, ticketing_target(name, part)));
            let bridge = Bridge {
                name: name.clone(),
                config: part.clone(),
                jelou,
                ticketing,
                files: files.clone(),
            };
            bridges.insert(name.clone(), Arc::new(bridge));
        }
        Ok(Self { config, bridges })
    }
}

impl Bridge {
    /// How long one call may take.
    #[must_use]
    pub fn call_timeout(&self) -> Duration {
        self.config.limits.call_timeout
    }

    /// What a step of a Lane of this bridge goes by at a moment.
    #[must_use]
    pub fn rules_at(&self, now: Timestamp, webhooks_silent: bool) -> Rules<'_> {
        let hours = self.config.hours.as_ref();
        Rules {
            away: hours.and_then(|hours| hours.away(now)),
            ..self.rules(webhooks_silent)
        }
    }

    /// The same, whether anybody is in or not.
    #[must_use]
    pub fn rules(&self, webhooks_silent: bool) -> Rules<'_> {
        let profile = &self.config.profile;
        Rules {
            mapping: &self.config.mapping,
            mode: self.config.mode,
            limits: self.config.limits.rules,
            capabilities: Capabilities {
                only_creates: profile.only_creates(),
                upsert_requester: profile.can_upsert_requester(),
                find_open: profile.can_find_open(),
                create: profile.resolve(Operation::Create),
                create_follows: profile.follows_create(),
                note: profile.resolve(Operation::Note),
                comment: profile.resolve(Operation::Comment),
                comments: profile.lists_comments(),
                comments_hinted: profile.hints_at_comments(),
                attach: profile.attaches().then(|| profile.resolve(Operation::File)),
            },
            ticket_id_place: self.config.jelou.ticket_id_place,
            away: None,
            webhooks_silent,
        }
    }

    /// What the gate knows one of its sides by.
    #[must_use]
    pub fn target(&self, side: Side) -> Target {
        match side {
            Side::Jelou => Target {
                bridge: self.name.clone(),
                side,
                host: host_of(&self.config.jelou.client.gateway_url),
                rate: self.config.limits.jelou_rate,
            },
            Side::Ticketing => ticketing_target(&self.name, &self.config),
        }
    }

    /// How many open conversations a round may read: the share of what the host's rate allows
    /// between two rounds.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn sweep_budget(&self) -> u32 {
        let (sweep, rate) = (&self.config.sweep, self.config.limits.jelou_rate);
        let calls =
            f64::from(rate.calls.get()) * sweep.every.as_secs_f64() / rate.per.as_secs_f64();
        // Clamped before the cast: no value is lost or wraps.
        (calls * sweep.budget_share).clamp(f64::from(LOOKS_MIN), f64::from(LOOKS_MAX)) as u32
    }
}

fn ticketing_target(name: &BridgeName, config: &config::Bridge) -> Target {
    Target {
        bridge: name.clone(),
        side: Side::Ticketing,
        host: host_of(&config.ticketing.base_url),
        rate: config.limits.ticketing_rate,
    }
}

/// What a client asks when an operation makes further calls.
fn pace(gate: &Arc<Gate>, target: Target) -> Pace {
    let gate = Arc::clone(gate);
    Pace {
        calls: target.rate.calls.get(),
        per: target.rate.per,
        further: Arc::new(move |what| {
            let now = clock::now();
            match gate.further(&target, what == Further::CanWait, now) {
                Ok(at) => Turn::After(at.since(now)),
                Err(blocked) => Turn::Closed(blocked.until.since(now)),
            }
        }),
    }
}

/// `host:port`, under which Retry-After holds.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{host}:{}", url.port_or_known_default().unwrap_or_default())
}
