//! Jelou's webhooks: is it from Jelou, have we had it, and what does it mean? Neighbours: the
//! daemon's listener (verify, dedup key) and its Router (parse).

mod kind;
mod parse;
mod proof;
mod signature;
mod told;

#[cfg(test)]
mod tests;

pub use parse::{dedup_key, parse};
pub use proof::{Proof, check_proof};
pub use signature::{SIGNATURE_HEADER, sign, verify};

/// Why a delivery is not taken: 401, whatever it was. For metrics only; the answer must not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no signature.
    #[error("no signature")]
    Missing,
    /// The signature is not `sha256=` and 64 hexadecimal digits.
    #[error("a malformed signature")]
    Malformed,
    /// There are two headers that differ.
    #[error("two different headers")]
    Several,
    /// It was made with none of our secrets, or for another body.
    #[error("a wrong signature")]
    Wrong,
    /// The credential beside the signature is missing or wrong.
    #[error("a missing or wrong credential")]
    Credential,
}
