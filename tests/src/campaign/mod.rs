//! The real program under fire, and the laws that must hold afterwards. Rooms: `table` (the
//! subcommands and their words), `scene` (both sandboxes and the program between them), `load` (what
//! people do meanwhile), `said` (what came over of their words), `manner` (how what became of a lost
//! call can be found out), `fault` (which calls were cut), `person` (who is asked), `season` (a stretch of it that is judged), `laws` (what must hold), and one
//! room for each way to treat the program badly: `kill`, `points`, `disk`, `clocks`, `cut`, `outage`,
//! `talk`.
//!
//! Both sandboxes live in this process and survive every kill, as the real systems would. Their
//! webhooks are sent until they are answered 2xx, so that it is known what was acknowledged.
//!
//! A new way is a room with a `SUBCOMMAND`, and a line in [`TABLE`].

pub mod clocks;
pub mod cut;
pub mod disk;
pub mod fault;
pub mod kill;
pub mod laws;
pub mod load;
pub mod manner;
pub mod outage;
pub mod person;
pub mod points;
pub mod said;
pub mod scene;
pub mod season;
pub mod table;
pub mod talk;

pub use scene::Scene;
pub use season::Season;
pub use table::{Subcommand, Verdict, Words};

/// Every way there is, in the order in which `all` goes through them.
pub const TABLE: &[Subcommand] = &[
    kill::SUBCOMMAND,
    points::SUBCOMMAND,
    disk::SUBCOMMAND,
    clocks::SUBCOMMAND,
    cut::SUBCOMMAND,
    outage::SUBCOMMAND,
    talk::SUBCOMMAND,
];
