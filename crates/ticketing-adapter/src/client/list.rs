//! Reads lists, page by page, and what completes their items. Neighbours: `send`, which sends each
//! call; `cursor`, which remembers how far a listing came.

use super::{
    Client,
    cursor::Cursor,
    data::{Data, map},
    pace::Budget,
    send::{not_sent, unreadable},
};
use crate::profile::{
    filters::{items, millis, text},
    rules::{CursorRule, Kind, ListedRule, OperationRule, Then},
    spec::CursorKind,
};
use bridge_core::{call::CallError, event::Comment, ids::TicketId, ticket::Ticket};
use minijinja::value::{Value, ValueKind};
use std::collections::BTreeMap;

/// The most pages read to find something. A person with a thousand tickets, or a ticket with a
/// thousand comments, is an automation; what we look for is among the newest.
const PAGES_MAX: u32 = 10;

/// Whether a refusal has one of these statuses.
fn is_gone(error: &CallError, gone: &[u16]) -> bool {
    match error {
        CallError::Gone { .. } => gone.iter().any(|status| [404, 410].contains(status)),
        CallError::Refused { status, .. } => gone.contains(status),
        CallError::Later { .. }
        | CallError::Unknown { .. }
        | CallError::Locked { .. }
        | CallError::Forbidden { .. } => false,
    }
}

/// The token of the next page, if the answer has one.
fn next_of(by: &CursorRule, answer: &Data) -> Option<String> {
    let told = by.next.as_ref()?.value(&answer.value()).ok()?;
    Some(text(&told)).filter(|next| !next.is_empty())
}

/// A listing that goes on from a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// [`Client::changed_since`].
    Tickets,
    /// [`Client::commented_since`].
    Comments,
}

impl Listing {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Tickets, Self::Comments];

    /// What its cursor is kept as.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tickets => "tickets",
            Self::Comments => "comments",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Tickets => Kind::ChangedSince,
            Self::Comments => Kind::CommentedSince,
        }
    }
}

/// What changed since a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The tickets as they are now, each once or more.
    pub tickets: Vec<Ticket>,
    /// Where the next call goes on.
    pub cursor: String,
    /// Whether there is more at once.
    pub more: bool,
    /// How many tickets of this page could not be read: a plain count, with no content, for a log
    /// line. The listing goes on without them, because one bad record must not hold up all others;
    /// each is found again by its own webhook, by a read, or when it next changes.
    pub unreadable: usize,
}

/// What was said since a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comments {
    /// The comments, each with the id of its ticket, each once or more.
    pub comments: Vec<(TicketId, Comment)>,
    /// Where the next call goes on.
    pub cursor: String,
    /// Whether there is more at once.
    pub more: bool,
    /// How many comments of this page could not be read, as in [`Changes::unreadable`].
    pub unreadable: usize,
}

/// One page of a listing that goes on from a cursor.
struct Page {
    /// The data of each item that is new enough, completed.
    items: Vec<Value>,
    cursor: String,
    more: bool,
}

/// Bodies of completing reads of one operation, by what was asked: a hundred tickets of one person
/// need one look at that person.
pub(crate) type Seen = BTreeMap<String, Value>;

impl Client {
    /// One page: the answer's data, and its items.
    async fn page(
        &self,
        rule: &OperationRule,
        data: &Data,
        budget: &Budget,
    ) -> Result<(Data, Vec<Value>), CallError> {
        let reply = self.exchange_page(&rule.request, data, budget).await?;
        if rule.absent.contains(&reply.status) {
            return Ok((reply.beside(data), Vec::new()));
        }
        let answer = self.judge(rule, &reply, data)?;
        let listed = rule
            .items
            .as_ref()
            .and_then(|list| list.value(&answer.value()).ok());
        match listed {
            Some(list) if matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) => {
                Ok((answer, items(&list).collect()))
            }
            _ => Err(unreadable(true, reply.status, "no readable list")),
        }
    }

    /// All items of a list, completed, up to [`PAGES_MAX`] pages.
    pub(crate) async fn list(
        &self,
        rule: &OperationRule,
        data: &Data,
        budget: &Budget,
    ) -> Result<Vec<Value>, CallError> {
        let mut all = Vec::new();
        let mut seen = Seen::new();
        for page in 1..=PAGES_MAX {
            let data = data.clone().and("page", Value::from(page));
            let (answer, items) = self.page(rule, &data, budget).await?;
            let full = rule.page_size.is_some_and(|size| items.len() >= size);
            for item in items {
                all.push(
                    self.complete(&rule.then, answer.clone(), item, &mut seen, budget)
                        .await?,
                );
            }
            if !full {
                break;
            }
        }
        Ok(all)
    }

    /// The data of one item, with what its completing reads brought.
    pub(crate) async fn complete(
        &self,
        then: &[Then],
        answer: Data,
        item: Value,
        seen: &mut Seen,
        budget: &Budget,
    ) -> Result<Value, CallError> {
        let data = answer.and("it", item);
        let also = self.also(then, &data, seen, budget).await?;
        Ok(data.and("also", also).value())
    }

    /// The data of a write with what was read first, if it may go out at all.
    pub(crate) async fn prepared(
        &self,
        rule: &OperationRule,
        data: Data,
        budget: &Budget,
    ) -> Result<Data, CallError> {
        let also = self
            .also(&rule.first, &data, &mut Seen::new(), budget)
            .await?;
        let data = data.and("also", also);
        let may = match &rule.only_if {
            Some(only_if) => only_if.is_true(&data.value()).unwrap_or(false),
            None => true,
        };
        if may {
            Ok(data)
        } else {
            Err(not_sent(&"the system does not offer this now"))
        }
    }

    /// What reads beside this data bring, by their names. Each sees what those before it brought.
    pub(super) async fn also(
        &self,
        steps: &[Then],
        data: &Data,
        seen: &mut Seen,
        budget: &Budget,
    ) -> Result<Value, CallError> {
        let mut also: BTreeMap<String, Value> = BTreeMap::new();
        for step in steps {
            let data = data.clone().and("also", Value::from(also.clone()));
            let wanted = match &step.when {
                Some(when) => when.is_true(&data.value()).unwrap_or(false),
                None => true,
            };
            if wanted {
                let body = self.more_of(step, &data, seen, budget).await?;
                also.insert(step.name.clone(), body);
            }
        }
        Ok(Value::from(also))
    }

    async fn more_of(
        &self,
        step: &Then,
        data: &Data,
        seen: &mut Seen,
        budget: &Budget,
    ) -> Result<Value, CallError> {
        let asked = self.address(&step.request, data)?;
        if let Some(body) = seen.get(&asked) {
            return Ok(body.clone());
        }
        let reply = self.exchange(&step.request, data, true, budget).await?;
        let body = if step.absent.contains(&reply.status) {
            Value::UNDEFINED
        } else {
            self.accept(&[200], &reply, data, true)?;
            reply.body
        };
        seen.insert(asked, body.clone());
        Ok(body)
    }

    /// One page of what changed.
    pub(crate) async fn changes(
        &self,
        rule: &OperationRule,
        cursor: &str,
        budget: &Budget,
    ) -> Result<Changes, CallError> {
        let page = self.since(rule, cursor, budget).await?;
        let (mut tickets, mut unreadable) = (Vec::new(), 0);
        for item in &page.items {
            match rule.shape.as_ref().map(|shape| shape.ticket(item)) {
                Some(Ok(ticket)) => tickets.push(ticket),
                Some(Err(_)) | None => unreadable += 1,
            }
        }
        Ok(Changes {
            tickets,
            cursor: page.cursor,
            more: page.more,
            unreadable,
        })
    }

    /// One page of what was said.
    pub(crate) async fn said(
        &self,
        rule: &OperationRule,
        listed: &ListedRule,
        cursor: &str,
        budget: &Budget,
    ) -> Result<Comments, CallError> {
        let page = self.since(rule, cursor, budget).await?;
        let (mut comments, mut unreadable) = (Vec::new(), 0);
        for item in &page.items {
            let ticket = rule.ticket_id.as_ref().map(|id| id.text(item));
            let ticket = match ticket {
                Some(Ok(Some(ticket))) => TicketId::parse(&ticket).ok(),
                // Said of something else.
                Some(Ok(None)) => continue,
                Some(Err(_)) | None => None,
            };
            match (ticket, listed.read(item)) {
                (Some(ticket), Some(comment)) => comments.push((ticket, comment)),
                (None, _) | (_, None) => unreadable += 1,
            }
        }
        Ok(Comments {
            comments,
            cursor: page.cursor,
            more: page.more,
            unreadable,
        })
    }

    /// One page of a listing, from the text of a cursor.
    async fn since(
        &self,
        rule: &OperationRule,
        cursor: &str,
        budget: &Budget,
    ) -> Result<Page, CallError> {
        let cursor = Cursor::parse(cursor).ok_or_else(|| not_sent(&"this is no cursor of ours"))?;
        match &rule.cursor {
            Some(by) => self.from(rule, by, cursor, budget).await,
            None => Err(not_sent(
                &"the profile does not say how the listing goes on",
            )),
        }
    }

    async fn from(
        &self,
        rule: &OperationRule,
        by: &CursorRule,
        cursor: Cursor,
        budget: &Budget,
    ) -> Result<Page, CallError> {
        let token = cursor.token.as_deref();
        let since = map([
            ("at", Value::from(cursor.at)),
            ("token", token.map_or(Value::UNDEFINED, Value::from)),
            ("page", Value::from(cursor.page)),
        ]);
        let data = self.data().and("since", since);
        let (answer, items) = match self.page(rule, &data, budget).await {
            // One call more, in this same page's time: a listing that begins anew has no token.
            Err(error) if token.is_some() && is_gone(&error, &by.gone) => {
                let anew = cursor.without_token();
                return Box::pin(self.from(rule, by, anew, budget)).await;
            }
            page => page?,
        };
        let full = rule.page_size.is_some_and(|size| items.len() >= size);
        let (mut completed, mut latest) = (Vec::new(), None);
        let from = if by.log {
            cursor.seen_before()
        } else {
            cursor.earliest()
        };
        let mut seen = Seen::new();
        for item in items {
            let bare = answer.clone().and("it", item.clone()).value();
            let changed_at = by.changed_at.value(&bare).ok().and_then(|at| millis(&at));
            latest = latest.max(changed_at);
            if changed_at.is_some_and(|at| at < from) {
                continue;
            }
            // A full page is a hundred reads, and who asks holds nobody up: each has its own deadline.
            let data = self
                .complete(&rule.then, answer.clone(), item, &mut seen, &budget.anew())
                .await?;
            completed.push(data);
        }
        let (next, more) = match by.kind {
            CursorKind::Time => match next_of(by, &answer) {
                Some(next) => (cursor.at_token(next), true),
                None if by.next.is_some() => (cursor.without_token().after(latest, false), false),
                None => (cursor.after(latest, full), full),
            },
            CursorKind::Token if by.log => self.next_token(by, &answer, cursor.seen(latest))?,
            CursorKind::Token => self.next_token(by, &answer, cursor)?,
        };
        Ok(Page {
            items: completed,
            cursor: next.to_string(),
            more,
        })
    }

    fn next_token(
        &self,
        by: &CursorRule,
        answer: &Data,
        cursor: Cursor,
    ) -> Result<(Cursor, bool), CallError> {
        let next = next_of(by, answer);
        let data = answer.value();
        let more = by
            .more
            .as_ref()
            .is_some_and(|more| more.is_true(&data).unwrap_or(false));
        match next {
            // The same place again would be a circle.
            Some(next) if Some(&next) == cursor.token.as_ref() => Ok((cursor, false)),
            Some(next) => Ok((cursor.at_token(next), more)),
            None if more => Err(unreadable(true, 200, "no token to go on with")),
            None => Ok((cursor, false)),
        }
    }

    /// The operation in the form that fits the options.
    pub(crate) fn rule(&self, kind: Kind) -> Result<&OperationRule, CallError> {
        let rule = self.profile.rules.operations.get(&kind).ok_or_else(|| {
            not_sent(&format!(
                "profile {} has no {}",
                self.profile.name(),
                kind.key()
            ))
        })?;
        Ok(rule.form(&self.data().value()))
    }
}
