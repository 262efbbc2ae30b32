//! What both stores hold at the end. Neighbour: `comparing`, which asks.

use super::*;

impl Pair {
    /// What lists say, and the rows themselves.
    pub(super) async fn compare_all(&mut self) {
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

    pub(super) fn rows_in_memory(&self) -> Vec<String> {
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

    pub(super) async fn rows_on_disk(&self) -> Vec<String> {
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
