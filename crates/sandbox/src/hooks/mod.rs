//! Webhooks on their way out, and what the weather does to them. Neighbours: jelou and helpdesk,
//! which hand over what happened, signed and ready.
//!
//! Jelou documents no retry, no order and no deadline for these webhooks, so by default each is
//! sent once, in order per object, and a failure is final.

mod send;
mod signature;
mod weather;

pub(crate) use signature::sign;
pub use weather::{Delivered, HookManners, Outcome, Target};

use crate::{chance::Chance, clock::now_ms, stage::lock};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex},
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
                .spawn(send::in_turn(Arc::downgrade(&shared), receiver));
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

    /// The webhooks after the one of this number, oldest first.
    #[must_use]
    pub fn after(&self, number: u64) -> Vec<Delivered> {
        let inner = lock(&self.0.inner);
        let from = inner.log.partition_point(|d| d.number <= number);
        inner.log.iter().skip(from).cloned().collect()
    }

    /// How many sends are promised and not done yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.0.inner).waiting
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
            outcomes.push(send::once(&self.0, *number).await);
        }
        outcomes
    }

    /// Lets go all that are held, oldest first, and holds no more.
    pub async fn release(&self) -> Vec<Outcome> {
        lock(&self.0.inner).manners.hold = false;
        self.send_now(&self.held()).await
    }

    /// How many there ever were, lost and held ones too.
    #[must_use]
    pub fn count(&self) -> u64 {
        lock(&self.0.inner).count
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

    /// What sends them: it goes straight to where it is sent and follows nobody elsewhere.
    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.0.client
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
            sent_at_ms: None,
            taken_at_ms: None,
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
            send::promised(&shared, number).await;
        });
    }
}
