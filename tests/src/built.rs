//! Which code these programs are. Neighbours: `tests/build.rs`, which asks git; the binaries, which say
//! it in their closing line.

/// The commit they were built from, with `-dirty` where they were built from something else than it has;
/// `unknown` where git did not tell.
pub const COMMIT: &str = env!("BUILT_FROM");

/// Fewer letters of a commit's number may be another's too.
const LETTERS_MIN: usize = 7;

/// Whether these programs are those of the commit `wanted`, of whose number the first letters do.
///
/// # Errors
/// That they are not, in a sentence.
pub fn is_of(wanted: &str) -> Result<(), String> {
    is_same(COMMIT, wanted)
}

fn is_same(built: &str, wanted: &str) -> Result<(), String> {
    let is_same = built.starts_with(wanted) || wanted.starts_with(built);
    if wanted.len() < LETTERS_MIN {
        Err(format!("--commit {wanted} is too short to tell"))
    } else if !is_same || built.ends_with("-dirty") {
        Err(format!("this was built from {built}, not from {wanted}"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn a_program_is_of_the_commit_it_was_built_from_and_of_no_other() {
        let full = "eb80a4152cd40a93b0e1bbd6b41bb2a1dd9b9f10";
        assert_eq!(is_same("eb80a4152cd4", "eb80a41"), Ok(()));
        assert_eq!(is_same("eb80a4152cd4", full), Ok(()));
        for (built, wanted) in [
            ("42e41f4c8d11", full),
            ("eb80a4152cd4", "eb80"),
            ("eb80a4152cd4-dirty", "eb80a41"),
            ("eb80a4152cd4-dirty", full),
            ("unknown", full),
        ] {
            assert!(is_same(built, wanted).is_err(), "{built} {wanted}");
        }
    }
}
