//! The laws of the store.
