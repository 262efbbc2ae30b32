//! The operator's rules between the two vocabularies.
