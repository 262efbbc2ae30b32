//! The daemon from outside, and the laws of the repository. Neighbours: `tests/tests`, where the
//! tests are; `tests/run`, which runs everything there is.
