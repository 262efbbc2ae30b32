//! Fetches secrets from where the file says they are. Neighbour: build, which asks for each.

use super::{environment::Variables, report::Report, values::SecretSpec};
use bridge_core::text::Text;
use std::{
    fs,
    io::Read,
    path::{Component, Path, PathBuf},
};

/// The largest secret file read, in bytes: a few keys. What is larger is the wrong file.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Where secrets are looked for.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) variables: &'a Variables,
    /// The folder of the configuration file; paths in it begin there.
    pub(super) folder: &'a Path,
    pub(super) purpose: Purpose,
}

/// What a configuration is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To work with: every secret is there.
    Work,
    /// To set both sides up: a file that a signing secret is yet to be written to may be missing.
    SetUp,
}

struct Bad {
    what: String,
    remedy: String,
}

fn bad<T>(what: impl Into<String>, remedy: impl Into<String>) -> Result<T, Bad> {
    Err(Bad {
        what: what.into(),
        remedy: remedy.into(),
    })
}

impl Places<'_> {
    /// One secret; what is wrong with it is told.
    pub(super) fn one(self, spec: &SecretSpec, key: &str, report: &mut Report<'_>) -> Option<Text> {
        let found = self.lines(spec).and_then(|mut lines| {
            if lines.len() > 1 {
                return bad(
                    "there are several lines where one secret is wanted",
                    "keep one line in it",
                );
            }
            lines.pop().map_or_else(|| bad(EMPTY, WRITE_IT), Ok)
        });
        found
            .map_err(|Bad { what, remedy }| report.problem(key, what, remedy))
            .ok()
    }

    /// Several secrets, of which a file may hold more than one, a line each, the newest first.
    pub(super) fn several(
        self,
        specs: &[SecretSpec],
        key: &str,
        report: &mut Report<'_>,
    ) -> Vec<Text> {
        let mut secrets = Vec::new();
        for (n, spec) in specs.iter().enumerate() {
            match self.lines(spec) {
                Ok(lines) => secrets.extend(lines),
                Err(Bad { what, remedy }) => report.problem(&format!("{key}[{n}]"), what, remedy),
            }
        }
        secrets
    }

    /// Those that are there; of what is wrong with the others another reading tells.
    pub(super) fn found(self, specs: &[SecretSpec]) -> Vec<Text> {
        let lists = specs.iter().filter_map(|spec| self.lines(spec).ok());
        lists.flatten().collect()
    }

    /// Secrets that this program writes itself: those of Jelou's webhooks, and of the ticketing system's
    /// where that makes them.
    pub(super) fn signing(
        self,
        specs: &[SecretSpec],
        key: &str,
        report: &mut Report<'_>,
    ) -> Vec<Text> {
        let mut secrets = Vec::new();
        for (n, spec) in specs.iter().enumerate() {
            let unwritten = self.path(spec).is_some_and(|path| is_unwritten(&path));
            match self.lines(spec) {
                Ok(lines) => secrets.extend(lines),
                Err(_) if unwritten && self.purpose == Purpose::SetUp => {}
                Err(Bad { what, remedy }) => {
                    let remedy = if unwritten {
                        "run `jelou-bridge setup`, which writes it".to_owned()
                    } else {
                        remedy
                    };
                    report.problem(&format!("{key}[{n}]"), what, remedy);
                }
            }
        }
        secrets
    }

    /// Where the set-up writes the signing secret: the first place, if it is a file. The newest
    /// secret signs what we send, so no other place comes before it.
    pub(super) fn written_by_setup(self, specs: &[SecretSpec]) -> Option<PathBuf> {
        self.path(specs.first()?)
    }

    fn path(self, spec: &SecretSpec) -> Option<PathBuf> {
        match spec {
            SecretSpec::File { file } => Some(self.folder.join(file)),
            SecretSpec::Plain(_) | SecretSpec::Env { .. } => None,
        }
    }

    /// The lines of a secret, at least one, none of them empty.
    fn lines(self, spec: &SecretSpec) -> Result<Vec<Text>, Bad> {
        let text = match spec {
            SecretSpec::Plain(text) => text.clone(),
            SecretSpec::Env { env } => match self.variables.get(env) {
                Some(text) => text.to_owned(),
                None => {
                    return bad(
                        format!("the variable {env} is not set"),
                        format!("set {env}, or write {{ file = \"PATH\" }}"),
                    );
                }
            },
            SecretSpec::File { file } => read(&self.folder.join(file))?,
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let lines: Vec<_> = lines.map(Text::new).collect();
        if lines.is_empty() {
            return bad(EMPTY, WRITE_IT);
        }
        if lines
            .iter()
            .any(|line| line.reveal().contains(char::is_control))
        {
            return bad(
                "the secret has a control character in it",
                "write it as plain text",
            );
        }
        Ok(lines)
    }
}

const EMPTY: &str = "the secret is empty";
const WRITE_IT: &str = "put the secret there; anyone can send an empty one";

/// Whether no secret was written to a file yet.
fn is_unwritten(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// One name for one file, however its path is written: as the disk has it, or the folder that it is to be
/// made in; without one of them, the path without what stays where it is.
pub(super) fn one_name(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let yet_to_be_made = || {
        let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
        Some(folder.join(path.file_name()?))
    };
    let there = fs::canonicalize(path).ok().or_else(yet_to_be_made);
    there.unwrap_or_else(|| {
        let parts = path.components();
        parts.filter(|part| *part != Component::CurDir).collect()
    })
}

/// Reads a secret's file, which must not be for everyone to read.
fn read(path: &Path) -> Result<String, Bad> {
    let shown = path.display();
    let opened = fs::File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            return bad(
                format!("the file {shown} cannot be read ({})", error.kind()),
                "create it, and let the user of the daemon read it",
            );
        }
    };
    if is_for_everyone(&metadata) {
        return bad(
            format!("everyone on this machine can read {shown}"),
            format!("run: chmod 640 {shown}"),
        );
    }
    let mut text = String::new();
    match file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text) {
        Ok(length) if length as u64 <= FILE_BYTES_MAX => Ok(text),
        Ok(_) => bad(
            format!("{shown} is larger than {FILE_BYTES_MAX} bytes"),
            "name the file that holds the secret alone",
        ),
        Err(error) => bad(
            format!("the file {shown} cannot be read ({})", error.kind()),
            "name a text file that holds the secret alone",
        ),
    }
}

#[cfg(unix)]
fn is_for_everyone(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn is_for_everyone(_: &fs::Metadata) -> bool {
    false
}
