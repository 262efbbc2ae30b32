//! The rules of the bridge. No runtime, network, database, clock or chance in here: inputs come
//! in, commands go out, and the daemon, the simulator and `explain` drive the same code.
//!
//! Read in this order: [`event`] (what happened), [`lane`] (what is known, and what comes next),
//! [`route`] and [`session`] (a Delivery on its way, a Claim at work), [`effect`] (what should change), [`mapping`] (the operator's rules).

#[macro_use]
pub mod planted;

pub mod call;
pub mod conversation;
pub mod effect;
pub mod event;
pub mod halt;
pub mod ids;
pub mod intent;
pub mod lane;
pub mod link;
pub mod mapping;
pub mod message;
pub mod operation;
pub mod plan;
pub mod read;
pub mod report;
pub mod route;
pub mod session;
pub mod text;
pub mod ticket;
pub mod time;
