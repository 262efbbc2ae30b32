//! The commands that read or change state. Neighbours: `door`, through which they ask; `show`, which
//! says how the answers look.

use super::{
    args::{
        Chosen, Halt, HaltCommand, HaltFilter, Links, LinksCommand, LinksFilter, Parked,
        ParkedCommand, ParkedFilter, Shared, Which, Whose,
    },
    decided::decided,
    door::{Asked, Door},
    ending::{ENVIRONMENT, Ending, FINE, FOUND, Failure, to_json},
    show,
};
use crate::api::{
    decide::{ParkedChosen, ParkedDone},
    halt::{Halts, HaltsAsked, ReleaseAsked, Released},
    link::{LinkWanted, Linked, UnlinkWanted},
    links::{LinkShown, Links as LinkList, LinksAsked},
    parked::{ParkedAsked, ParkedList, ParkedView},
    stuck::{Stuck, StuckAsked},
    sweep::{SweepAsked, Sweeps},
    timeline::{Timeline, TimelineAsked},
};
use serde::de::DeserializeOwned;

/// Asks one thing and prints the answer.
pub(super) async fn answer<T: DeserializeOwned>(
    shared: &Shared,
    asked: Asked,
    show: impl FnOnce(&T) -> (String, u8),
) -> Result<Ending, Failure> {
    order::<T>(shared, asked, |_| true, show).await
}

/// Gives an order and prints the answer. Where no bridge runs, that is said, and of an order that did something what
/// it means.
async fn order<T: DeserializeOwned>(
    shared: &Shared,
    asked: Asked,
    did_something: impl FnOnce(&T) -> bool,
    show: impl FnOnce(&T) -> (String, u8),
) -> Result<Ending, Failure> {
    let door = Door::open(shared, Some(&asked)).await?;
    let done = asked.done_alone();
    let answered = door.ask::<T>(asked).await;
    let answer = answered.as_ref();
    let is_done = answer.is_ok_and(|(_, answer)| did_something(answer));
    door.tell_if_alone(done.filter(|_| is_done));
    door.close().await;
    let (json, answer) = answered?;
    let (text, code) = show(&answer);
    Ok(Ending::new(text, json).with_code(code))
}

pub(super) async fn links(shared: &Shared, links: Links) -> Result<Ending, Failure> {
    match links.command {
        Some(LinksCommand::Show { id }) => {
            let asked = Asked::get(&["links", &id], &());
            answer::<LinkShown>(shared, asked, |shown| (show::link(shown), FINE)).await
        }
        Some(LinksCommand::List(filter)) => list_links(shared, filter).await,
        None => list_links(shared, links.filter).await,
    }
}

async fn list_links(shared: &Shared, filter: LinksFilter) -> Result<Ending, Failure> {
    let LinksFilter {
        bridge,
        ticket,
        conversation,
        state,
        live,
        stuck,
        limit,
    } = filter;
    if stuck {
        return list_stuck(shared, StuckAsked { bridge, limit }).await;
    }
    let asked = LinksAsked {
        bridge,
        ticket,
        conversation,
        state,
        live,
        limit,
    };
    let asked = Asked::get(&["links"], &asked);
    answer::<LinkList>(shared, asked, |links| (show::links(links), FINE)).await
}

async fn list_stuck(shared: &Shared, asked: StuckAsked) -> Result<Ending, Failure> {
    let asked = Asked::get(&["stuck"], &asked);
    answer::<Stuck>(shared, asked, |stuck| (show::stuck(stuck), FINE)).await
}

pub(super) async fn link(shared: &Shared, wanted: LinkWanted) -> Result<Ending, Failure> {
    let asked = Asked::post(&["link"], &wanted);
    answer::<Linked>(shared, asked, |linked| (show::linked(linked), FINE)).await
}

pub(super) async fn unlink(
    shared: &Shared,
    id: String,
    bridge: Option<String>,
) -> Result<Ending, Failure> {
    let asked = Asked::post(&["unlink"], &UnlinkWanted { id, bridge });
    answer::<Linked>(shared, asked, |unlinked| (show::unlinked(unlinked), FINE)).await
}

pub(super) async fn timeline(shared: &Shared, whose: Whose) -> Result<Ending, Failure> {
    let Whose {
        ticket,
        conversation,
        user,
        bridge,
    } = whose;
    let asked = Asked::post(
        &["timeline"],
        &TimelineAsked {
            ticket,
            conversation,
            user,
            bridge,
        },
    );
    answer::<Timeline>(shared, asked, |timeline| (show::timeline(timeline), FINE)).await
}

pub(super) async fn parked(shared: &Shared, parked: Parked) -> Result<Ending, Failure> {
    match parked.command {
        Some(ParkedCommand::Show { id }) => {
            let asked = Asked::get(&["parked", &id], &());
            answer::<ParkedView>(shared, asked, |item| (show::parked_item(item), FINE)).await
        }
        Some(ParkedCommand::Retry(chosen)) => decide(shared, "retry", chosen).await,
        Some(ParkedCommand::Discard(chosen)) => decide(shared, "discard", chosen).await,
        Some(ParkedCommand::List(filter)) => list_parked(shared, filter).await,
        None => list_parked(shared, parked.filter).await,
    }
}

async fn list_parked(shared: &Shared, filter: ParkedFilter) -> Result<Ending, Failure> {
    let Which {
        bridge,
        reason,
        operation,
        side,
        ticket,
        older_than,
    } = filter.which;
    let side = side.map(|side| side.word().to_owned());
    let words = [&bridge, &reason, &operation, &side, &ticket, &older_than];
    let filtered = words.into_iter().any(Option::is_some);
    let asked = ParkedAsked {
        bridge,
        reason,
        operation,
        side,
        ticket,
        older_than,
        limit: filter.limit,
    };
    let asked = Asked::get(&["parked"], &asked);
    answer::<ParkedList>(shared, asked, |list| {
        (
            show::parked(list, filtered),
            if list.parked.is_empty() { FINE } else { FOUND },
        )
    })
    .await
}

/// Asks page after page until nothing of the choice is left, and tells all of it once.
async fn decide(shared: &Shared, word: &str, chosen: Chosen) -> Result<Ending, Failure> {
    let Which {
        bridge,
        reason,
        operation,
        side,
        ticket,
        older_than,
    } = chosen.which;
    let mut chosen = ParkedChosen {
        id: chosen.id,
        bridge,
        reason,
        operation,
        side: side.map(|side| side.word().to_owned()),
        ticket,
        older_than,
        all: chosen.all,
        after: None,
    };
    let first = Asked::post(&["parked", word], &chosen);
    let door = Door::open(shared, Some(&first)).await?;
    let mut all = ParkedDone::default();
    let broke_off = loop {
        let asked = Asked::post(&["parked", word], &chosen);
        match door.ask::<ParkedDone>(asked).await {
            Ok((_, page)) => all.add(page),
            Err(failure) => break Some(failure),
        }
        if !all.more || all.next.is_none() {
            break None;
        }
        chosen.after.clone_from(&all.next);
    };
    let done = Asked::post(&["parked", word], &chosen).done_alone();
    door.tell_if_alone(done.filter(|_| broke_off.is_none()));
    door.close().await;
    if let Some(mut failure) = broke_off {
        if all.done + all.failed > 0 {
            failure.error = format!(
                "after {} done or handed on and {} failed: {}",
                all.done, all.failed, failure.error
            );
            failure.remedy = format!("{}; asking again goes on with the rest", failure.remedy);
        }
        return Err(failure);
    }
    let code = if all.failed == 0 { FINE } else { FOUND };
    Ok(Ending::new(decided(word, &all), to_json(&all)?).with_code(code))
}

pub(super) async fn halt(shared: &Shared, halt: Halt) -> Result<Ending, Failure> {
    match halt.command {
        Some(HaltCommand::Release { bridge, operation }) => {
            let asked = Asked::post(&["halt", "release"], &ReleaseAsked { bridge, operation });
            let any = |released: &Released| released.let_go > 0;
            let shown = |released: &Released| (show::released(released), FINE);
            order::<Released>(shared, asked, any, shown).await
        }
        Some(HaltCommand::List(filter)) => list_halts(shared, filter).await,
        None => list_halts(shared, halt.filter).await,
    }
}

async fn list_halts(shared: &Shared, filter: HaltFilter) -> Result<Ending, Failure> {
    let HaltFilter { bridge, limit } = filter;
    let asked = Asked::get(&["halt"], &HaltsAsked { bridge, limit });
    answer::<Halts>(shared, asked, |halts| (show::halts(halts), FINE)).await
}

/// A round that broke off is the network's doing.
pub(super) async fn sweep(shared: &Shared, bridge: Option<String>) -> Result<Ending, Failure> {
    let asked = Asked::post(&["sweep"], &SweepAsked { bridge });
    answer::<Sweeps>(shared, asked, |sweeps| {
        let broke_off = sweeps.sweeps.iter().any(|sweep| sweep.error.is_some());
        (
            show::sweeps(sweeps),
            if broke_off { ENVIRONMENT } else { FINE },
        )
    })
    .await
}
