//! Webhooks on their way out, and what the weather does to them. Neighbours: jelou and helpdesk,
//! which hand over what happened, signed and ready.
//!
//! Jelou documents no retry, no order and no deadline for these webhooks, so by default each is
//! sent once, in order per object, and a failure is final.

use crate::{chance::Chance, clock::now_ms, stage::lock};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write,
    io,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};
use tokio::sync::{Notify, mpsc};

/// How long one send may take. The sister product's page gives a receiver 20 s; half is a strict sender.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How many webhooks may wait; more are lost, as any sender's queue ends somewhere.
const WAITING_MAX: usize = 100_000;
/// How many past webhooks are kept to look at; the oldest go first.
const KEPT_MAX: usize = 200_000;
/// How many objects are told about at a time. One object's webhooks go out one after the other.
const SENDERS: usize = 8;

/// Where webhooks go and what signs them.
#[derive(Clone, Serialize, Deserialize)]
pub struct Target {
    /// The receiver. `None`: nobody is told.
    pub url: Option<String>,
    /// The signing secret, as its ASCII bytes.
    pub secret: String,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// How webhooks travel. The default is good weather.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HookManners {
    /// Off: they are made and never sent.
    pub off: bool,
    /// Hold: they wait until they are released.
    pub hold: bool,
    /// The next so many are lost.
    pub lose_next: u32,
    /// This share is lost, 0 to 1.
    pub lose_share: f64,
    /// The next so many are sent twice.
    pub repeat_next: u32,
    /// This share is sent twice, 0 to 1.
    pub repeat_share: f64,
    /// Each waits this long, ms.
    pub delay_ms: u64,
    /// Each waits up to this long more, by chance, ms: later ones overtake earlier ones.
    pub jitter_ms: u64,
    /// How often one is sent until a 2xx comes. 1: once.
    pub attempts: u32,
    /// How long to wait between attempts, ms.
    pub retry_wait_ms: u64,
}

impl Default for HookManners {
    fn default() -> Self {
        Self {
            off: false,
            hold: false,
            lose_next: 0,
            lose_share: 0.0,
            repeat_next: 0,
            repeat_share: 0.0,
            delay_ms: 0,
            jitter_ms: 0,
            attempts: 1,
            retry_wait_ms: 200,
        }
    }
}

/// What became of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// On its way.
    Waiting,
    /// Waiting to be released.
    Held,
    /// Lost on purpose, or nobody was to be told.
    Lost,
    /// Answered.
    Answered {
        /// With this status, the last one.
        status: u16,
    },
    /// No answer came.
    Failed,
}

/// One webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivered {
    /// The how manyth since start or reset, from 1.
    pub number: u64,
    /// Its kind: `start`, `close`, `message`, `ticket.changed`, `comment.added`.
    pub kind: String,
    /// The conversation or ticket it is about.
    pub about: String,
    /// When it was made, ms since 1970.
    pub made_at_ms: i64,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// Its body, as the bytes go out.
    pub body: String,
    /// How often it was sent.
    pub sends: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// `sha256=` and the lower-case hex HMAC-SHA256 of `body` under the secret's ASCII bytes
/// (Jelou's page on the HMAC signature; the sandbox helpdesk signs the same way).
#[must_use]
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut out = String::from("sha256=");
    // HMAC takes a key of any length, so there is no error to speak of.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(body);
        for byte in mac.finalize().into_bytes() {
            let _ = write!(out, "{byte:02x}");
        }
    }
    out
}

/// The webhooks of one server, shared between its handle, its HTTP side and its acts.
#[derive(Clone, Debug)]
pub struct Hooks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    senders: Vec<mpsc::UnboundedSender<u64>>,
    client: reqwest::Client,
    /// Rung whenever a webhook comes to its end.
    ended: Notify,
    /// Acts come from anywhere, also from threads that are not the runtime's.
    runtime: tokio::runtime::Handle,
}

#[derive(Debug)]
struct Inner {
    target: Target,
    manners: HookManners,
    log: VecDeque<Delivered>,
    count: u64,
    /// Sends that are promised and not done yet.
    waiting: usize,
    chance: Chance,
}

impl Inner {
    fn find(&mut self, number: u64) -> Option<&mut Delivered> {
        let first = self.log.front()?.number;
        let index = usize::try_from(number.checked_sub(first)?).ok()?;
        self.log.get_mut(index)
    }

    fn take_loss(&mut self) -> bool {
        if self.manners.lose_next > 0 {
            self.manners.lose_next -= 1;
            return true;
        }
        self.chance.happens(self.manners.lose_share)
    }

    fn take_repeat(&mut self) -> bool {
        if self.manners.repeat_next > 0 {
            self.manners.repeat_next -= 1;
            return true;
        }
        self.chance.happens(self.manners.repeat_share)
    }
}

impl Hooks {
    pub(crate) fn new(target: Target, seed: u64) -> io::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(SEND_WITHIN)
            .build()
            .map_err(io::Error::other)?;
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..SENDERS).map(|_| mpsc::unbounded_channel()).unzip();
        let inner = Inner {
            target,
            manners: HookManners::default(),
            log: VecDeque::new(),
            count: 0,
            waiting: 0,
            chance: Chance::new(seed),
        };
        let shared = Arc::new(Shared {
            inner: Mutex::new(inner),
            senders,
            client,
            ended: Notify::new(),
            runtime: tokio::runtime::Handle::current(),
        });
        for receiver in receivers {
            shared
                .runtime
                .spawn(send_in_turn(Arc::downgrade(&shared), receiver));
        }
        Ok(Self(shared))
    }

    /// Where webhooks go.
    pub fn set_target(&self, target: Target) {
        lock(&self.0.inner).target = target;
    }

    /// Where webhooks go now.
    #[must_use]
    pub fn target(&self) -> Target {
        lock(&self.0.inner).target.clone()
    }

    /// How webhooks travel from now on.
    pub fn set_manners(&self, manners: HookManners) {
        lock(&self.0.inner).manners = manners;
    }

    /// How webhooks travel now.
    #[must_use]
    pub fn manners(&self) -> HookManners {
        lock(&self.0.inner).manners.clone()
    }

    /// The next `count` are lost.
    pub fn lose_next(&self, count: u32) {
        lock(&self.0.inner).manners.lose_next = count;
    }

    /// The next `count` are sent twice.
    pub fn repeat_next(&self, count: u32) {
        lock(&self.0.inner).manners.repeat_next = count;
    }

    /// From now on all wait until [`Self::send_now`] names them.
    pub fn hold(&self) {
        lock(&self.0.inner).manners.hold = true;
    }

    /// None is sent from now on, or all are again.
    pub fn set_off(&self, off: bool) {
        lock(&self.0.inner).manners.off = off;
    }

    /// Every webhook kept, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Delivered> {
        lock(&self.0.inner).log.iter().cloned().collect()
    }

    /// The numbers of those held, oldest first.
    #[must_use]
    pub fn held(&self) -> Vec<u64> {
        let inner = lock(&self.0.inner);
        let held = inner.log.iter().filter(|d| d.outcome == Outcome::Held);
        held.map(|d| d.number).collect()
    }

    /// Sends these now, in this order, one after the other, whatever became of them before: held
    /// ones go free, lost ones are found, answered ones come twice. Returns what came of each; an
    /// unknown number is [`Outcome::Lost`].
    pub async fn send_now(&self, numbers: &[u64]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for number in numbers {
            outcomes.push(send(&self.0, *number, 1).await);
        }
        outcomes
    }

    /// Lets go all that are held, oldest first, and holds no more.
    pub async fn release(&self) -> Vec<Outcome> {
        lock(&self.0.inner).manners.hold = false;
        self.send_now(&self.held()).await
    }

    /// Waits until none is on its way; false if `within` was too short. Held ones do not count.
    pub async fn quiet(&self, within: Duration) -> bool {
        let all_ended = async {
            loop {
                let mut ended = std::pin::pin!(self.0.ended.notified());
                ended.as_mut().enable();
                if lock(&self.0.inner).waiting == 0 {
                    return;
                }
                ended.await;
            }
        };
        tokio::time::timeout(within, all_ended).await.is_ok()
    }

    /// Forgets all webhooks and bad weather; the target stays.
    pub(crate) fn reset(&self) {
        let mut inner = lock(&self.0.inner);
        inner.manners = HookManners::default();
        inner.log.clear();
        // The count goes on: a number never names two webhooks.
    }

    pub(crate) fn secret(&self) -> String {
        lock(&self.0.inner).target.secret.clone()
    }

    /// Takes a webhook that happened just now, signed and whole.
    pub(crate) fn push(
        &self,
        kind: &str,
        about: &str,
        headers: BTreeMap<String, String>,
        body: String,
    ) {
        let mut inner = lock(&self.0.inner);
        inner.count += 1;
        let number = inner.count;
        let unheard = inner.manners.off || inner.target.url.is_none();
        let full = inner.waiting >= WAITING_MAX;
        let outcome = if unheard || full || inner.take_loss() {
            Outcome::Lost
        } else if inner.manners.hold {
            Outcome::Held
        } else {
            Outcome::Waiting
        };
        let sends = match outcome {
            Outcome::Waiting => 1 + usize::from(inner.take_repeat()),
            Outcome::Held | Outcome::Lost | Outcome::Answered { .. } | Outcome::Failed => 0,
        };
        inner.waiting += sends;
        if inner.log.len() == KEPT_MAX {
            inner.log.pop_front();
        }
        inner.log.push_back(Delivered {
            number,
            kind: kind.to_owned(),
            about: about.to_owned(),
            made_at_ms: now_ms(),
            headers,
            body,
            sends: 0,
            outcome,
        });
        for _ in 0..sends {
            self.schedule(&mut inner, number, about);
        }
    }

    fn schedule(&self, inner: &mut Inner, number: u64, about: &str) {
        let jitter = inner
            .chance
            .below(inner.manners.jitter_ms.saturating_add(1));
        let delay = inner.manners.delay_ms.saturating_add(jitter);
        if delay == 0 {
            let lane = about.bytes().fold(0_usize, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(usize::from(byte))
            });
            if let Some(sender) = self.0.senders.get(lane % SENDERS) {
                let _ = sender.send(number);
            }
            return;
        }
        let shared = Arc::clone(&self.0);
        self.0.runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            send_promised(&shared, number).await;
        });
    }
}

/// One sender: what it is given goes out one after the other.
async fn send_in_turn(shared: Weak<Shared>, mut numbers: mpsc::UnboundedReceiver<u64>) {
    while let Some(number) = numbers.recv().await {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        send_promised(&shared, number).await;
    }
}

async fn send_promised(shared: &Shared, number: u64) {
    let attempts = lock(&shared.inner).manners.attempts;
    send(shared, number, attempts).await;
    let mut inner = lock(&shared.inner);
    inner.waiting = inner.waiting.saturating_sub(1);
    drop(inner);
    shared.ended.notify_waiters();
}

async fn send(shared: &Shared, number: u64, attempts: u32) -> Outcome {
    let mut outcome = Outcome::Lost;
    for attempt in 1..=attempts.max(1) {
        let Some(request) = prepare(shared, number) else {
            return outcome;
        };
        outcome = match request.send().await {
            Ok(answer) => Outcome::Answered {
                status: answer.status().as_u16(),
            },
            Err(_) => Outcome::Failed,
        };
        if let Some(delivered) = lock(&shared.inner).find(number) {
            delivered.outcome = outcome.clone();
        }
        if matches!(outcome, Outcome::Answered { status: 200..=299 }) || attempt == attempts {
            break;
        }
        let pause = lock(&shared.inner).manners.retry_wait_ms;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    outcome
}

/// The request for a webhook, counted as sent; `None` where there is nobody to tell.
fn prepare(shared: &Shared, number: u64) -> Option<reqwest::RequestBuilder> {
    let mut inner = lock(&shared.inner);
    let url = inner.target.url.clone()?;
    let delivered = inner.find(number)?;
    delivered.sends += 1;
    let mut request = shared
        .client
        .post(url)
        .header("content-type", "application/json");
    for (name, value) in &delivered.headers {
        request = request.header(name, value);
    }
    Some(request.body(Bytes::from(delivered.body.clone())))
}

#[cfg(test)]
mod tests;
