//! Kill the daemon in the middle of a burst, start it again, let it settle, and compare the worlds.
//! Rooms: `burst` (what people do meanwhile), `round` (one life and death), `laws` (what must hold).
//!
//! Both sandboxes live in this process and survive every kill, as the real systems would. Their
//! webhooks are sent until they are answered 2xx, so that it is known what was acknowledged.

mod burst;
mod laws;
mod round;

pub use burst::Told;
pub use round::{Plan, Round, play};
