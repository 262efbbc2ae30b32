//! One random history on both stores: the same answers at each step, and the same rows at the end.
//! Neighbours: `on_sqlite` and `in_memory`, which tell one meaning at a time.
//!
//! The stores name their Lanes differently. Before two things are compared, each name that SQLite
//! drew is replaced by the one that memory counted.

use super::{on_sqlite::fresh, *};
use crate::store::{
    Admission, Changes, ClaimedLane, CommitError, LinkFilter, ParkedFilter, Received, Routed,
    TimelineOf, Wake, memory::Memory,
};
use bridge_core::{
    effect::Operation,
    halt::Limits,
    ids::{DeliveryId, LaneId, MessageId},
    intent::Parked,
    lane::{Entry, EntryKind, Fate, Message, TicketMemory},
    link::Ended,
};
use sqlx::{ConnectOptions, Row, sqlite::SqliteConnectOptions};
use std::fmt::Debug;

const STEPS: usize = 60;

const LIMITS: Limits = Limits {
    max_share: 0.0,
    min_count: 1,
    window: Duration::from_secs(60),
};

/// A row of numbers that its seed alone decides.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn once_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() {
            return None;
        }
        Some(&of[self.below(of.len())])
    }

    fn digit(&mut self) -> String {
        self.below(4).to_string()
    }
}

/// A Claim on each side.
#[derive(Clone)]
struct Held {
    disk: ClaimedLane,
    memory: ClaimedLane,
}

struct Pair {
    disk: on_sqlite::Fresh,
    memory: Memory,
    /// Each Lane's name on the disk, and in memory.
    lanes: Vec<(LaneId, LaneId)>,
    claims: Vec<Held>,
    now: i64,
    dice: Dice,
    told: Vec<String>,
}

impl Pair {
    fn now(&self) -> Timestamp {
        at(self.now)
    }

    /// What SQLite said, in memory's names.
    fn translated(&self, words: &str) -> String {
        let known = self.lanes.iter();
        known.fold(words.to_owned(), |words, (disk, memory)| {
            words.replace(disk.as_str(), memory.as_str())
        })
    }

    #[track_caller]
    fn same(&mut self, what: &str, disk: &impl Debug, memory: &impl Debug) {
        let (disk, memory) = (self.translated(&format!("{disk:?}")), format!("{memory:?}"));
        assert_eq!(disk, memory, "{what}, after {:#?}", self.told);
        self.told.push(format!("{} {what}: {memory}", self.now));
    }

    fn a_delivery(&mut self) -> DeliveryId {
        let last = self.memory.deliveries().last().map_or(0, |d| d.id.0);
        let known = usize::try_from(last).unwrap();
        DeliveryId(i64::try_from(self.dice.below(known + 1) + 1).unwrap())
    }

    fn a_delivery_that_is(&mut self, state: &str) -> DeliveryId {
        let mut such = self.memory.deliveries().filter(|d| d.state == state);
        let first = such.next().map(|d| d.id);
        drop(such);
        match first {
            Some(first) if !self.dice.once_in(4) => first,
            _ => self.a_delivery(),
        }
    }

    fn a_user(&mut self) -> UserId {
        user(&format!("u{}", self.dice.below(5)))
    }

    fn a_lane(&mut self) -> Option<(LaneId, LaneId)> {
        self.dice.one(&self.lanes).cloned()
    }

    fn a_claim(&mut self) -> Option<usize> {
        let last = self.claims.len().checked_sub(1)?;
        // Mostly the latest, which mostly holds.
        if self.dice.below(3) > 0 {
            return Some(last);
        }
        Some(self.dice.below(last + 1))
    }

    async fn step(&mut self) {
        self.now += 1;
        if self.dice.once_in(8) {
            self.now += i64::try_from(self.dice.below(20_000)).unwrap();
        }
        match self.dice.below(28) {
            0..=2 => self.record().await,
            3..=4 => self.claim_routes().await,
            5..=8 => self.route().await,
            9..=10 => self.claim_lanes().await,
            11 => self.claim_lane().await,
            12..=15 => self.commit().await,
            16..=17 => self.release().await,
            18 => self.commit_sent().await,
            19 => self.join().await,
            20 => self.forward().await,
            21 => self.wake().await,
            22 => self.tend().await,
            23..=24 => self.restart_or_begin().await,
            _ => self.commit_sent().await,
        }
        if self.dice.once_in(4) {
            self.look().await;
        }
    }

    async fn record(&mut self) {
        let dedup = self.dice.once_in(2).then(|| self.dice.digit());
        let mut new = webhook(&self.dice.digit(), dedup.as_deref());
        new.received_at = self.now();
        if self.dice.once_in(3) {
            new.side = Side::Jelou;
        }
        let disk = self.disk.record(new.clone()).await.unwrap();
        let memory = self.memory.record(new);
        self.same("record", &disk, &memory);
    }

    async fn claim_routes(&mut self) {
        let (limit, now) = (u32::try_from(self.dice.below(3)).unwrap() + 1, self.now());
        let seen = |list: Vec<Received>| {
            let each = list.into_iter().map(|r| (r.id, r.attempts, r.body));
            each.collect::<Vec<_>>()
        };
        let disk = seen(self.disk.claim_routes(limit, now).await.unwrap());
        let memory = seen(self.memory.claim_routes(limit, now));
        self.same("claim_routes", &disk, &memory);
    }

    async fn route(&mut self) {
        let (delivery, now) = (self.a_delivery_that_is("received"), self.now());
        let events = (0..self.dice.below(3))
            .map(|_| {
                changed(
                    &self.dice.digit(),
                    self.now - 5 + self.dice.below(10) as i64,
                )
            })
            .collect();
        let object = Some(self.dice.digit());
        let words = |word: &str| word.to_owned();
        let (disk, memory) = match (self.dice.below(9), self.a_lane()) {
            (0, _) => {
                self.disk.unroute(delivery, now).await.unwrap();
                self.memory.unroute(delivery, now);
                return;
            }
            (1, _) => both(RouteEnd::Ignored {
                reason: words("reflection"),
                object,
                events,
            }),
            (2, _) => both(RouteEnd::Parked {
                reason: words("unreadable"),
                detail: words("it is not JSON"),
                remedy: words("look"),
            }),
            (3, _) => both(RouteEnd::Later {
                due_at: at(self.now + 500),
                error: words("503"),
            }),
            (4, Some((disk, memory))) => {
                let to = |lane| RouteEnd::ToKnownLane {
                    lane,
                    events: Vec::clone(&events),
                    object: object.clone(),
                };
                (to(disk), to(memory))
            }
            _ => {
                let customer = self.a_user();
                both(to_lane(customer.as_str(), events))
            }
        };
        let made = self.memory.lanes().count();
        let disk = self.disk.routed(delivery, disk, now).await.unwrap();
        let memory = self.memory.routed(delivery, memory, now).unwrap();
        if let (Routed::Lane(disk), Routed::Lane(memory)) = (&disk, &memory)
            && !self.lanes.iter().any(|(known, _)| known == disk)
        {
            self.lanes.push((disk.clone(), memory.clone()));
        }
        // A Lane may be made for a Delivery that then had no Events.
        if self.memory.lanes().count() > made && matches!(memory, Routed::Done) {
            self.name_new_lane().await;
        }
        self.same("routed", &disk, &memory);
    }

    async fn name_new_lane(&mut self) {
        let lane = self.memory.lanes().last().unwrap().lane.clone();
        let disk = self
            .disk
            .lane_of_user(&lane.bridge, &lane.bot, &lane.user)
            .await
            .unwrap()
            .unwrap();
        self.lanes.push((disk, lane.id));
    }

    fn took(&mut self, mut disk: Vec<ClaimedLane>, mut memory: Vec<ClaimedLane>) {
        // Which are taken is the store's promise; in what order they are handed out is not.
        let names = self.lanes.clone();
        let name = |id: &LaneId| names.iter().find(|(d, _)| d == id).unwrap().1.clone();
        disk.sort_by_key(|c| name(&c.lane.id));
        memory.sort_by_key(|c| c.lane.id.clone());
        let seen = |list: &[ClaimedLane]| {
            let each = list.iter();
            each.map(|c| {
                (
                    c.claim.token,
                    c.lane.user.as_str().to_owned(),
                    c.lane.clone(),
                )
            })
            .collect::<Vec<_>>()
        };
        self.same("claim", &seen(&disk), &seen(&memory));
        let pairs = disk.into_iter().zip(memory);
        self.claims
            .extend(pairs.map(|(disk, memory)| Held { disk, memory }));
        // Stale ones stay among them for a while.
        let old = self.claims.len().saturating_sub(6);
        self.claims.drain(..old);
    }

    async fn claim_lanes(&mut self) {
        let (limit, now) = (u32::try_from(self.dice.below(3)).unwrap() + 1, self.now());
        let disk = self.disk.claim_lanes(limit, now, LEASE).await.unwrap();
        let memory = self.memory.claim_lanes(limit, now, LEASE);
        self.took(disk, memory);
    }

    async fn claim_lane(&mut self) {
        let Some((disk, memory)) = self.a_lane() else {
            return;
        };
        let now = self.now();
        let disk = self.disk.claim_lane(&disk, now, LEASE).await;
        let memory = self.memory.claim_lane(&memory, now, LEASE);
        self.same("claim_lane", &disk.as_ref().err(), &memory.as_ref().err());
        let listed = |claimed: Option<ClaimedLane>| claimed.into_iter().collect();
        self.took(
            listed(disk.unwrap_or_default()),
            listed(memory.unwrap_or_default()),
        );
    }

    /// The same small change on both sides.
    fn changed(&mut self, held: &Held) -> Held {
        let dice = self.dice.clone();
        let mut after = held.clone();
        change(&mut after.disk.lane, self.now, &mut dice.clone());
        change(&mut after.memory.lane, self.now, &mut self.dice);
        after
    }

    /// Takes in what a commit came to.
    fn settled(
        &mut self,
        index: usize,
        mut after: Held,
        disk: &Result<(), CommitError>,
        memory: &Result<(), CommitError>,
    ) {
        self.same("commit", disk, memory);
        if memory.is_ok() {
            for lane in [&mut after.disk.lane, &mut after.memory.lane] {
                lane.fates.clear();
                lane.journal.clear();
                lane.messages.clear();
            }
            self.claims[index] = after;
        }
    }

    async fn commit(&mut self) {
        let Some(index) = self.a_claim() else { return };
        let (before, now) = (self.claims[index].clone(), self.now());
        let after = self.changed(&before);
        let changes = between(&before.disk, &after.disk);
        let disk = self.disk.commit(&before.disk.claim, changes, now).await;
        let changes = between(&before.memory, &after.memory);
        let memory = self.memory.commit(&before.memory.claim, changes, now);
        self.settled(index, after, &disk, &memory);
    }

    async fn release(&mut self) {
        let Some(index) = self.a_claim() else { return };
        let (before, now) = (self.claims[index].clone(), self.now());
        if self.dice.once_in(4) {
            let until = at(self.now + 40_000);
            let disk = self.disk.renew(&before.disk.claim, until).await;
            let memory = self.memory.renew(&before.memory.claim, until);
            self.same("renew", &disk, &memory);
            return;
        }
        let after = self.changed(&before);
        let due_at = self.dice.once_in(2).then(|| at(self.now + 3_000));
        let held_by = self
            .dice
            .once_in(2)
            .then(|| format!("host:{}", self.dice.digit()));
        let (claim, changes) = (&before.disk.claim, between(&before.disk, &after.disk));
        let disk = self
            .disk
            .release(claim, changes, due_at, held_by.clone(), now)
            .await;
        let (claim, changes) = (&before.memory.claim, between(&before.memory, &after.memory));
        let memory = self.memory.release(claim, changes, due_at, held_by, now);
        self.settled(index, after, &disk, &memory);
    }

    async fn commit_sent(&mut self) {
        let now = self.now();
        let wanted = |i: &Intent| i.state == IntentState::Planned;
        let planned = |held: &Held| held.memory.lane.intents.iter().position(wanted);
        let latest = self.claims.iter().rposition(|held| planned(held).is_some());
        let Some(index) = latest else { return };
        let before = self.claims[index].clone();
        let Some(number) = planned(&before) else {
            return;
        };
        let two = |side: &ClaimedLane| {
            let (mut out, mut held) = (side.clone(), side.clone());
            out.lane.intents[number].state = IntentState::Sent;
            out.lane.intents[number].held = false;
            held.lane.intents[number].held = true;
            (out, held)
        };
        let admission = |side: &ClaimedLane| Admission {
            intent: side.lane.intents[number].id.clone(),
            operation: Operation::Close,
            limits: LIMITS,
        };
        let ((disk_out, disk_held), (out, held)) = (two(&before.disk), two(&before.memory));
        let disk = self
            .disk
            .commit_sent(
                &before.disk.claim,
                between(&before.disk, &disk_out),
                between(&before.disk, &disk_held),
                admission(&before.disk),
                now,
            )
            .await;
        let memory = self.memory.commit_sent(
            &before.memory.claim,
            between(&before.memory, &out),
            between(&before.memory, &held),
            &admission(&before.memory),
            now,
        );
        self.same("commit_sent", &disk, &memory);
        if let Ok(admitted) = memory {
            let (disk, memory) = match admitted {
                crate::store::Admitted::Out => (disk_out, out),
                crate::store::Admitted::Held { .. } => (disk_held, held),
            };
            self.claims[index] = Held { disk, memory };
        }
    }

    async fn join(&mut self) {
        let Some(index) = self.a_claim() else { return };
        let (held, canonical, now) = (self.claims[index].clone(), self.a_user(), self.now());
        let disk = self.disk.join(&held.disk.claim, &canonical, now).await;
        let memory = self.memory.join(&held.memory.claim, &canonical, now);
        self.same("join", &disk, &memory);
    }

    async fn forward(&mut self) {
        let (Some(index), Some((disk, memory))) = (self.a_claim(), self.a_lane()) else {
            return;
        };
        let (held, delivery, now) = (self.claims[index].clone(), self.a_delivery(), self.now());
        let disk = self
            .disk
            .forward(&held.disk.claim, delivery, &disk, now)
            .await;
        let memory = self
            .memory
            .forward(&held.memory.claim, delivery, &memory, now);
        self.same("forward", &disk, &memory);
    }

    async fn wake(&mut self) {
        let now = self.now();
        let (disk, memory) = match (self.dice.below(3), self.a_lane()) {
            (0, Some((disk, memory))) => (Wake::Lane(disk), Wake::Lane(memory)),
            (1, _) => both(Wake::Bridge(bridge())),
            _ => both(Wake::HeldBy(format!("host:{}", self.dice.digit()))),
        };
        let disk = self.disk.wake(disk, now).await.unwrap();
        let memory = self.memory.wake(&memory, now);
        self.same("wake", &disk, &memory);
    }

    /// What a person and the hourly round do.
    async fn tend(&mut self) {
        let (delivery, now) = (self.a_delivery_that_is("parked"), self.now());
        match self.dice.below(5) {
            0 => {
                let disk = self.disk.retry_delivery(delivery, now).await;
                let memory = self.memory.retry_delivery(delivery, now);
                self.same("retry", &disk, &memory);
            }
            1 => {
                let disk = self.disk.discard_delivery(delivery, now).await;
                let memory = self.memory.discard_delivery(delivery, now);
                self.same("discard", &disk, &memory);
            }
            2 => {
                let disk = self.disk.release_halt(&bridge(), None, now).await.unwrap();
                let memory = self.memory.release_halt(&bridge(), None, now);
                self.same("release_halt", &disk, &memory);
            }
            3 => {
                let before = at(self.now - 5_000);
                let disk = self.disk.prune(before).await.unwrap();
                let memory = self.memory.prune(before);
                self.same("prune", &disk, &memory);
            }
            _ => {
                let which = [conversation(&self.dice.digit())];
                self.disk.looked_at(&bridge(), &which, now).await.unwrap();
                self.memory.looked_at(&bridge(), &which, now);
            }
        }
    }

    async fn restart_or_begin(&mut self) {
        if self.dice.below(3) > 0 {
            let observes = self.dice.once_in(2);
            let disk = self.disk.begin(&bridge(), observes, self.now()).await;
            let memory = self.memory.begin(&bridge(), observes, self.now());
            self.same("begin", &disk.unwrap(), &memory);
            return;
        }
        self.disk.restart().await;
        self.memory.restart(&format!("process {}", self.now));
    }

    /// What can be asked answers the same.
    async fn look(&mut self) {
        let (main, now) = (bridge(), self.now());
        let (ticket, talk, asked) = (
            ticket(&self.dice.digit()),
            conversation(&self.dice.digit()),
            self.a_user(),
        );
        let disk = &self.disk;
        let disk = (
            disk.next_due().await.unwrap(),
            disk.lane_of_ticket(&main, &ticket).await.unwrap(),
            disk.lane_of_live_ticket(&main, &ticket).await.unwrap(),
            disk.lane_of_conversation(&main, &talk).await.unwrap(),
            disk.lane_of_user(&main, &bot(), &asked).await.unwrap(),
            disk.counts(now).await.unwrap(),
            disk.halts(None).await.unwrap(),
        );
        let memory = &self.memory;
        let memory = (
            memory.next_due(),
            memory.lane_of_ticket(&main, &ticket),
            memory.lane_of_live_ticket(&main, &ticket),
            memory.lane_of_conversation(&main, &talk),
            memory.lane_of_user(&main, &bot(), &asked),
            memory.counts(now),
            memory.halts(None),
        );
        self.same("look", &disk, &memory);
        self.told.pop();
    }

    /// What lists say, and the rows themselves.
    async fn compare_all(&mut self) {
        let (main, late) = (bridge(), at(self.now + 1));
        let filter = LinkFilter {
            limit: 1_000,
            ..LinkFilter::default()
        };
        let disk = self.disk.links(&filter).await.unwrap();
        let disk = sorted(self, disk.iter());
        let memory = self.memory.links(&filter);
        self.same("links", &disk, &sorted(self, memory.iter()));

        let filter = ParkedFilter {
            limit: 1_000,
            ..ParkedFilter::default()
        };
        let disk = self.disk.parked(&filter).await.unwrap();
        let disk = sorted(self, disk.iter());
        let memory = self.memory.parked(&filter);
        self.same("parked", &disk, &sorted(self, memory.iter()));

        let open = self.disk.conversations_to_look_at(&main, late, 1_000).await;
        let disk = sorted(self, open.unwrap().iter());
        let memory = self.memory.conversations_to_look_at(&main, late, 1_000);
        self.same("to look at", &disk, &sorted(self, memory.iter()));

        let disk = self.disk.last_confirmed(&main, late).await.unwrap();
        let memory = self.memory.last_confirmed(&main, late);
        self.same("last confirmed", &disk, &memory);

        for n in 0..5 {
            for of in [
                TimelineOf::Ticket(ticket(&n.to_string())),
                TimelineOf::Conversation(conversation(&n.to_string())),
                TimelineOf::User(user(&format!("u{n}"))),
            ] {
                let disk = self.disk.timeline(None, &of).await.unwrap();
                let memory = self.memory.timeline(None, &of);
                self.same("timeline", &disk, &memory);
            }
        }
        let (disk, memory) = (self.rows_on_disk().await, self.rows_in_memory());
        let disk: Vec<String> = disk.iter().map(|row| self.translated(row)).collect();
        let sort = |mut rows: Vec<String>| {
            rows.sort();
            rows
        };
        self.same("rows", &sort(disk), &sort(memory));
    }

    fn rows_in_memory(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for lane in self.memory.lanes() {
            rows.push(format!(
                "lane {} {} {:?} {:?} {:?} {}",
                lane.lane.id,
                lane.lane.user.as_str(),
                lane.due_at.map(|at| at.0),
                lane.held_by,
                lane.lease_until.map(|at| at.0),
                lane.token,
            ));
            rows.push(state_row(lane.lane.clone(), lane.lane));
            let id = &lane.lane.id;
            rows.extend(lane.links.iter().map(|l| format!("link {id} {}", json(l))));
            let intents = lane.intents.iter();
            rows.extend(intents.map(|i| format!("intent {id} {}", json(i))));
        }
        rows.extend(self.memory.deliveries().map(|d| {
            let lane = d.lane.map(|lane| lane.as_str());
            format!(
                "delivery {} {} {:?} {lane:?} {} {}",
                d.id, d.state, d.reason, d.received_at.0, d.due_at.0
            )
        }));
        rows
    }

    async fn rows_on_disk(&self) -> Vec<String> {
        let file = self.disk.url.strip_prefix("sqlite:").unwrap();
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut db = options.connect().await.unwrap();
        let mut rows = Vec::new();
        for row in all(&mut db, "SELECT * FROM lane").await {
            let text = |column| row.get::<String, _>(column);
            let number = |column| row.get::<Option<i64>, _>(column);
            rows.push(format!(
                "lane {} {} {:?} {:?} {:?} {}",
                text("id"),
                text("user"),
                number("due_at"),
                row.get::<Option<String>, _>("held_by"),
                number("lease_until"),
                row.get::<i64, _>("token"),
            ));
            let state: Lane = serde_json::from_str(&text("state")).unwrap();
            let mut named = state.clone();
            named.id = LaneId::parse(&text("id")).unwrap();
            named.user = user(&text("user"));
            rows.push(state_row(state, &named));
        }
        for row in all(&mut db, "SELECT lane_id, body FROM link").await {
            let (lane, body): (String, String) = (row.get("lane_id"), row.get("body"));
            rows.push(format!("link {lane} {body}"));
        }
        for row in all(&mut db, "SELECT lane_id, body, held FROM intent").await {
            let (lane, body): (String, String) = (row.get("lane_id"), row.get("body"));
            let mut intent: Intent = serde_json::from_str(&body).unwrap();
            intent.held = row.get::<i64, _>("held") != 0;
            let body = serde_json::to_string(&intent).unwrap();
            rows.push(format!("intent {lane} {body}"));
        }
        for row in all(&mut db, "SELECT * FROM delivery").await {
            let text = |column| row.get::<Option<String>, _>(column);
            let number = |column| row.get::<i64, _>(column);
            rows.push(format!(
                "delivery {} {} {:?} {:?} {} {}",
                number("id"),
                text("state").unwrap(),
                text("reason"),
                text("lane_id"),
                number("received_at"),
                number("due_at"),
            ));
        }
        rows
    }
}

async fn all(
    db: &mut sqlx::SqliteConnection,
    statement: &'static str,
) -> Vec<sqlx::sqlite::SqliteRow> {
    sqlx::query(statement).fetch_all(db).await.unwrap()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

/// The state, under the names that the columns give it.
fn state_row(mut state: Lane, named: &Lane) -> String {
    state.id = named.id.clone();
    state.user = named.user.clone();
    format!("state {}", json(&state))
}

fn sorted<'a, T: Debug + 'a>(pair: &Pair, list: impl Iterator<Item = &'a T>) -> Vec<String> {
    let mut words: Vec<String> = list
        .map(|one| pair.translated(&format!("{one:?}")))
        .collect();
    words.sort();
    words
}

fn both<T: Clone>(of: T) -> (T, T) {
    (of.clone(), of)
}

fn between(before: &ClaimedLane, after: &ClaimedLane) -> Changes {
    Changes::between(&before.lane, &after.lane).unwrap()
}

/// One or two small things happen to a Lane.
fn change(lane: &mut Lane, now: i64, dice: &mut Dice) {
    for _ in 0..=dice.below(2) {
        match dice.below(10) {
            0..=1 => {
                let id = |dice: &mut Dice| (!dice.once_in(4)).then(|| dice.digit());
                let (ticket, talk) = (id(dice), id(dice));
                let mut new = link(lane, ticket.as_deref(), talk.as_deref());
                new.created_at = at(now);
                lane.links.push(new);
                lane.next_link += 1;
            }
            2 => {
                let live = lane.links.iter_mut().filter(|l| l.is_live());
                if let Some(one) = live.last() {
                    one.ended = Some(Ended {
                        at: at(now),
                        reason: "closed".to_owned(),
                    });
                }
            }
            3..=4 => follow_up(lane, now, dice),
            5 => {
                let memory = TicketMemory {
                    seen_at: Some(at(now)),
                    ..TicketMemory::default()
                };
                lane.tickets.insert(ticket(&dice.digit()), memory);
            }
            6 => {
                let applied = dice.once_in(2);
                let fate = if applied {
                    Fate::Applied
                } else {
                    Fate::Ignored {
                        reason: "same".to_owned(),
                    }
                };
                let settled: Vec<_> = lane
                    .pending
                    .drain(..lane.pending.len().min(2))
                    .map(|p| (p.delivery, p.position, fate.clone()))
                    .collect();
                lane.fates.extend(settled);
            }
            7 => tell(lane, now, dice),
            _ => plan(lane, now, dice),
        }
    }
}

fn plan(lane: &mut Lane, now: i64, dice: &mut Dice) {
    // `close` speaks of the first Link.
    if lane
        .links
        .first()
        .is_some_and(|l| l.conversation_id().is_some())
    {
        let mut planned = close(lane, lane.next_intent, &dice.below(3).to_string());
        planned.planned_at = at(now);
        lane.intents.push(planned);
        lane.next_intent += 1;
    }
}

fn follow_up(lane: &mut Lane, now: i64, dice: &mut Dice) {
    let number = dice.below(lane.intents.len().max(1));
    let state = dice.below(5);
    let Some(intent) = lane.intents.get_mut(number) else {
        return;
    };
    if state < 4 {
        intent.parked = None;
    }
    match state {
        0 => intent.state = IntentState::Withdrawn,
        1 => {
            intent.state = IntentState::Planned;
            intent.planned_at = at(now);
        }
        2 => {
            intent.state = IntentState::Confirmed;
            intent.confirmed_at = Some(at(now));
        }
        3 => {
            intent.state = IntentState::Parked;
            intent.parked = Some(Parked {
                reason: "refused".to_owned(),
                detail: "no".to_owned(),
                remedy: "look".to_owned(),
                at: at(now),
            });
        }
        _ => intent.held = intent.state == IntentState::Planned,
    }
}

fn tell(lane: &mut Lane, now: i64, dice: &mut Dice) {
    lane.journal.push(Entry {
        at: at(now),
        kind: EntryKind::Decision,
        sentence: "something was decided".to_owned(),
        rule: None,
        link: lane.links.last().map(|l| l.id.clone()),
        ticket: Some(ticket(&dice.digit())),
        conversation: None,
    });
    lane.messages.push(Message {
        conversation: conversation(&dice.digit()),
        id: MessageId::parse(&dice.digit()).unwrap(),
        at: at(now),
        kind: "text".to_owned(),
        body: Some("Olá".into()),
        content: serde_json::Value::Null,
    });
}

/// What must have come up somewhere, else the histories are too tame to show anything.
const MUST_COME_UP: [&str; 12] = [
    "commit: Err(Fenced)",
    "commit: Err(TicketTaken",
    "commit: Err(ConversationTaken",
    "commit: Err(IntentTaken",
    "commit_sent: Ok(Out)",
    "commit_sent: Ok(Held",
    "join: Ok(Into(",
    "join: Ok(Busy)",
    "forward: Ok(())",
    "retry: Ok(())",
    "discard: Ok(())",
    "begin: TurnedLive { dropped: 1 }",
];

async fn histories(seeds: std::ops::Range<u64>) {
    let mut told = String::new();
    for seed in seeds {
        let mut pair = Pair {
            disk: fresh().await,
            memory: Memory::new("first", 10_000),
            lanes: Vec::new(),
            claims: Vec::new(),
            now: 1_000_000,
            dice: Dice(seed),
            told: vec![format!("seed {seed}")],
        };
        for _ in 0..STEPS {
            pair.step().await;
        }
        pair.compare_all().await;
        told.push_str(&pair.told.join("\n"));
    }
    for word in MUST_COME_UP {
        assert!(told.contains(word), "`{word}` came up nowhere");
    }
}

#[tokio::test]
async fn one_history_on_both_stores_gives_the_same_answers_and_the_same_rows() {
    histories(0..75).await;
}

#[tokio::test]
async fn another_history_on_both_stores_does_as_well() {
    histories(75..150).await;
}
