//! Where a round through what is parked stands. Neighbours: the admin API, which hands it out with a page and takes it
//! back with the next question; `sqlite::parked`, which goes on behind it.

use super::types::{ParkedItem, ParkedKind};
use bridge_core::ids::{DeliveryId, IntentId, LaneId};
use std::fmt;

/// What a round took last, with all that its place in the round goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParkedMark {
    /// An Intent.
    Intent {
        /// The Lane it was on: a join that moves it does not move the mark.
        lane: LaneId,
        /// Its id.
        intent: IntentId,
    },
    /// A Delivery.
    Delivery(DeliveryId),
    /// A Lane that was set aside.
    Lane(LaneId),
}

impl ParkedMark {
    /// The mark behind an item.
    #[must_use]
    pub fn of(item: &ParkedItem) -> Self {
        match &item.kind {
            ParkedKind::Intent { intent, lane, .. } => Self::Intent {
                lane: lane.clone(),
                intent: intent.clone(),
            },
            ParkedKind::Delivery { delivery, .. } => Self::Delivery(*delivery),
            ParkedKind::Lane { lane } => Self::Lane(lane.clone()),
        }
    }

    /// The mark that was written so; `None` if none was.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, which) = text.split_once('/')?;
        match kind {
            "intent" => {
                let (lane, intent) = which.split_once('/')?;
                Some(Self::Intent {
                    lane: LaneId::parse(lane).ok()?,
                    intent: IntentId::parse(intent).ok()?,
                })
            }
            "delivery" => which.parse().ok().map(DeliveryId).map(Self::Delivery),
            "lane" => LaneId::parse(which).ok().map(Self::Lane),
            _ => None,
        }
    }
}

impl fmt::Display for ParkedMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intent { lane, intent } => write!(f, "intent/{lane}/{intent}"),
            Self::Delivery(delivery) => write!(f, "delivery/{delivery}"),
            Self::Lane(lane) => write!(f, "lane/{lane}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_as_it_was_handed_out_and_no_other_word_is_one() {
        let lane = LaneId::parse("lane000001").unwrap();
        let intent = IntentId::of(&lane, 9);
        let marks = [
            ParkedMark::Intent {
                lane: lane.clone(),
                intent,
            },
            ParkedMark::Delivery(DeliveryId(7)),
            ParkedMark::Lane(lane),
        ];
        for mark in marks {
            assert_eq!(ParkedMark::parse(&mark.to_string()), Some(mark));
        }
        for word in ["", "lane000001.9", "intent/lane000001.9", "delivery/x"] {
            assert_eq!(ParkedMark::parse(word), None, "{word}");
        }
    }
}
