//! What a subcommand is, the words it is asked with, and what it answers. Neighbours: the binary
//! `campaign`, which looks it up; the rooms, which each offer one.

use super::{TABLE, manner::Manner};
use crate::{
    asked::{count, number},
    program,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    pin::Pin,
    str::FromStr,
};
use tempfile::TempDir;

/// A campaign on its way to its verdict. An error is what kept it from being played to its end.
pub type Played = Pin<Box<dyn Future<Output = Result<Verdict, String>>>>;

/// One way to treat the program badly.
#[derive(Clone, Copy, Debug)]
pub struct Subcommand {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its options, as the usage shows them.
    pub usage: &'static str,
    /// The options that it knows, beside those of all: `--program`, where it starts one; `--manner`, where
    /// it plays in one; and how many of something there shall be.
    pub options: &'static [&'static str],
    /// The words of its short form, which `tests/run` ends after 900 s.
    pub short: &'static [&'static str],
    /// What it does, in a sentence.
    pub what: &'static str,
    /// How much there is of it in its long form, and what is known of how long that takes.
    pub takes: &'static str,
    /// What it needs of the machine.
    pub needs: &'static str,
    /// Plays it.
    pub play: fn(Words) -> Played,
}

/// What came of a campaign.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Its counts, in one line.
    pub line: String,
    /// Laws that were broken, a sentence each.
    pub broken: Vec<String>,
}

/// The options that each subcommand knows.
const OF_ALL: [&str; 2] = ["--seed", "--folder"];

/// What goes for all of them.
const FOR_ALL: &str = "each also: [--short] [--seed S] [--folder DIR]
a number is 1 at least, but for the seed
";

const HELP: &str = "
--short    a small form, which tests/run ends after 900 s
--seed     draws the same again; without it, what is drawn hangs on the moment
--folder   works below this folder, which must be there, and not where temporary files are
--program  the jelou-bridge to be treated so; without it, cargo builds one first
--manner   how the helpdesk tells what became of a lost call, such as nothing-retry; else drawn

It prints as it goes, and at last one line of counts; docs/RELIABILITY.md says what each word of that means.
Where a law broke, the folder with the database is kept and named.
Ends with 0 if every law held, 1 if one was broken, 2 if it was asked wrongly, 3 if it could not be played.
";

/// How the campaigns are asked.
#[must_use]
pub fn usage() -> String {
    let each = |one: &Subcommand| format!("  campaign {} {}\n", one.name, one.usage);
    let all: String = TABLE.iter().map(each).collect();
    format!("usage:\n{all}  campaign all [--short]\n{FOR_ALL}")
}

/// What these are, for who does not know them.
#[must_use]
pub fn help(those: &[&Subcommand]) -> String {
    let each = |one: &&Subcommand| {
        let Subcommand {
            name,
            usage,
            what,
            takes,
            needs,
            ..
        } = one;
        format!("campaign {name} {usage}\n  {what}\n  takes: {takes}\n  needs: {needs}\n\n")
    };
    let told: String = those.iter().map(each).collect();
    let all = "campaign all [--short]\n  All of them, one after the other.\n";
    format!("usage:\n\n{told}{all}\n{FOR_ALL}{HELP}")
}

/// The options of a subcommand, each with its value.
#[derive(Clone, Debug, Default)]
pub struct Words(BTreeMap<String, String>);

impl Subcommand {
    /// Reads its options. `--short` stands for the words of its short form; what is said beside it
    /// counts more.
    ///
    /// # Errors
    /// The option that it does not know, that has no value, or whose value cannot be read.
    pub fn words(&self, asked: &[String]) -> Result<Words, String> {
        let mut words = BTreeMap::new();
        let short = asked.iter().any(|word| word == "--short");
        let given = self.short.iter().map(|word| (*word).to_owned());
        let mut all: Vec<String> = given.filter(|_| short).collect();
        all.extend(asked.iter().filter(|word| *word != "--short").cloned());
        let mut all = all.into_iter();
        while let Some(option) = all.next() {
            if !OF_ALL.contains(&option.as_str()) && !self.options.contains(&option.as_str()) {
                return Err(format!("{} has no option {option}", self.name));
            }
            let value = all.next().ok_or(format!("{option} has no value"))?;
            read(&option, &value)?;
            words.insert(option, value);
        }
        Ok(Words(words))
    }
}

/// Reads a value, so that a wrong one is refused before anything is played.
fn read(option: &str, value: &str) -> Result<(), String> {
    match option {
        "--program" => Ok(()),
        "--folder" if Path::new(value).is_dir() => Ok(()),
        "--folder" => Err(format!("--folder {value} is no folder that is there")),
        "--manner" => Manner::named(value).map(|_| ()),
        "--seed" => number::<u64>(option, value).map(|_| ()),
        _ => count(option, value).map(|_| ()),
    }
}

impl Words {
    /// The value of an option, or this one.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn value<T: FromStr>(&self, option: &str, otherwise: T) -> Result<T, String> {
        match self.0.get(option) {
            Some(text) => number(option, text),
            None => Ok(otherwise),
        }
    }

    /// The seed: the one asked for, or this moment.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn seed(&self) -> Result<u64, String> {
        let now = u64::try_from(jelou_bridge::clock::now().0).unwrap_or_default();
        self.value("--seed", now)
    }

    /// The manner that was asked for (`--manner`).
    ///
    /// # Errors
    /// The names there are.
    pub fn manner(&self) -> Result<Option<Manner>, String> {
        let named = self.0.get("--manner").map(|name| Manner::named(name));
        named.transpose()
    }

    /// The program: the one asked for (`--program`), or one built now for this profile.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn program(&self) -> Result<PathBuf, String> {
        match self.0.get("--program") {
            Some(path) => Ok(PathBuf::from(path)),
            None => program::built().await,
        }
    }

    /// An empty folder to work in: below the one asked for (`--folder`), else where temporary ones are.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn folder(&self) -> Result<Folder, String> {
        let made = match self.0.get("--folder") {
            Some(path) => tempfile::tempdir_in(path),
            None => tempfile::tempdir(),
        };
        Ok(Folder(made.map_err(|error| error.to_string())?))
    }
}

/// The folder of a campaign: it goes when all went well.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Keeps it if a law was broken or the campaign could not be played, and names it and the seed.
    ///
    /// # Errors
    /// What was the error before, with both.
    pub fn judged(self, seed: u64, came: Result<Verdict, String>) -> Result<Verdict, String> {
        match came {
            Ok(mut verdict) if !verdict.broken.is_empty() => {
                let kept = self.0.keep();
                let kept = format!("seed {seed}, kept in {}", kept.display());
                verdict.broken.push(kept);
                Ok(verdict)
            }
            Ok(verdict) => Ok(verdict),
            Err(why) => {
                let kept = self.0.keep();
                Err(format!("{why}. Seed {seed}, kept in {}", kept.display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Subcommand = Subcommand {
        name: "one",
        usage: "",
        options: &["--kills"],
        short: &["--kills", "3"],
        what: "",
        takes: "",
        needs: "",
        play: |_| Box::pin(async { Ok(Verdict::default()) }),
    };

    fn words(text: &str) -> Result<Words, String> {
        let asked: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        ONE.words(&asked)
    }

    #[test]
    fn what_is_said_counts_more_than_the_short_form() {
        let kills = |text| words(text).unwrap().value("--kills", 7).unwrap();
        assert_eq!(
            [kills(""), kills("--short"), kills("--kills 5 --short")],
            [7, 3, 5]
        );
    }

    #[test]
    fn what_is_asked_wrongly_is_refused_before_anything_is_played() {
        for (asked, why) in [
            ("--kill 5", "one has no option --kill"),
            ("--kills", "--kills has no value"),
            ("--kills many", "--kills many is not a number"),
            ("--kills 0", "--kills 0 proves nothing"),
            ("--seed abc", "--seed abc is not a number"),
            ("--folder /not/there", "--folder /not/there is no folder"),
        ] {
            let said = words(asked).unwrap_err();
            assert!(said.starts_with(why), "{asked}: {said}");
        }
        assert_eq!(words("--seed 0").unwrap().seed(), Ok(0));
        assert!(words("--folder /").is_ok());
    }

    #[test]
    fn a_subcommand_knows_its_short_form_and_refuses_what_it_would_not_use() {
        let refused = |option: &str, value: &str| -> Vec<&str> {
            let asked = [option.to_owned(), value.to_owned()];
            let those = TABLE.iter().filter(|one| one.words(&asked).is_err());
            those.map(|one| one.name).collect()
        };
        assert_eq!(refused("--program", "bridge"), ["talk"]);
        assert_eq!(refused("--manner", "key-retry"), ["outage", "talk"]);
        assert_eq!(refused("--manner", "nonsense").len(), TABLE.len());
        for one in TABLE {
            one.words(&["--short".to_owned()]).unwrap();
        }
    }
}
