//! Profiles are loaded, and what is wrong with them is told.

use super::*;

#[test]
fn every_built_in_profile_loads_under_its_own_name() {
    for (name, text) in BUILTIN {
        let profile = Profile::load(text, name).unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(profile.name(), name);
    }
    assert_eq!(Profile::builtin("nothing").map(|p| p.source), None);
}
