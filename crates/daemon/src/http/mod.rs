//! The two listeners and what they answer. Neighbours: app opens the sockets, the store takes in
//! what comes.
//!
//! `listen` is the door, the same for both; `ingest` is behind the public one, `admin` behind the
//! other.

pub mod admin;
pub mod ingest;
pub mod listen;
mod refuse;

#[cfg(test)]
mod tests;
