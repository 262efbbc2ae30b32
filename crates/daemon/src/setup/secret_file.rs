//! The file that holds a bridge's signing secrets, one a line, the newest first. Neighbours: config,
//! which reads it; `arrange`, `rotate` and `hooks`, which write it.
//!
//! It is replaced as a whole or not at all. The new one's place is made, filled and brought to the
//! disk *before* Jelou is asked: a full disk or a missing right is found while it costs nothing.

use super::NotDone;
use bridge_core::text::Text;
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

/// So many secrets stay in the file. Jelou signs with the first; the next ones are for deliveries
/// on their way, each of an exchange before. The oldest is dropped.
pub const SECRETS_KEPT: usize = 4;

/// Room on the disk for a secret of unknown length, in bytes. Jelou's have 64 characters.
const RESERVED_BYTES: usize = 4096;

/// The most that is read of what is there, in bytes, as config does.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Its owner alone reads and writes it.
const MODE: u32 = 0o600;

/// What config lets a file have: nothing for everyone.
const MODE_MAX: u32 = 0o660;

/// Who makes the secret that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// Jelou, which tells it once.
    Jelou,
    /// The ticketing system, which tells it as often as it is asked.
    Ticketing,
}

impl Maker {
    fn not_asked(self) -> &'static str {
        match self {
            Self::Jelou => "; Jelou was not asked",
            Self::Ticketing => "",
        }
    }

    fn not_kept(self) -> (&'static str, &'static str) {
        match self {
            Self::Jelou => (
                "Jelou made a new signing secret",
                "look at the disk, then run `jelou-bridge setup --rotate-secret` at once: it brings another one",
            ),
            Self::Ticketing => (
                "the ticketing system told its signing secret",
                "look at the disk, then run `jelou-bridge setup` again: it asks again",
            ),
        }
    }
}

/// The place of the new file, ready to take a secret.
#[derive(Debug)]
pub struct SecretFile {
    path: PathBuf,
    place: PathBuf,
    file: File,
    kept: Vec<Text>,
    maker: Maker,
    /// Whether an exchange before was broken off, which this one is to mend.
    mends: bool,
}

/// Whether an exchange was broken off after Jelou was asked: which secret it signs with is unknown.
#[must_use]
pub fn was_broken_off(path: &Path) -> bool {
    fs::exists(place_beside(&real(path))).unwrap_or(false)
}

impl SecretFile {
    /// Makes the new file's place beside the old one, with its owner and rights.
    ///
    /// # Errors
    /// [`NotDone`]: nothing is changed.
    pub fn prepare(path: &Path, maker: Maker) -> Result<Self, NotDone> {
        let path = real(path);
        let cannot = |error: io::Error| {
            NotDone::of_operator(
                format!(
                    "the secret's file {} cannot be written ({error})",
                    path.display()
                ),
                format!(
                    "let the user of the daemon write the folder and own the file, and look whether the disk is full{}",
                    maker.not_asked()
                ),
            )
        };
        let (kept, like) = read(&path).map_err(cannot)?;
        let place = place_beside(&path);
        let mends = was_broken_off(&path);
        let file = make(&place, like.as_ref(), &kept).map_err(|error| {
            if !mends {
                let _ = fs::remove_file(&place);
            }
            cannot(error)
        })?;
        Ok(Self {
            path,
            place,
            file,
            kept,
            maker,
            mends,
        })
    }

    /// Puts a secret first, and brings it to the disk. Its place stays if that fails.
    ///
    /// # Errors
    /// [`NotDone`] with the file as it was.
    pub fn write(mut self, secret: &Text) -> Result<(), NotDone> {
        let (what, remedy) = self.maker.not_kept();
        self.replace(secret).map_err(|error| {
            NotDone::of_operator(
                format!(
                    "{what}, but it cannot be written to {} ({error})",
                    self.path.display()
                ),
                remedy,
            )
        })
    }

    fn replace(&mut self, secret: &Text) -> io::Result<()> {
        let lines = lines(secret, &self.kept);
        self.file.rewind()?;
        // In place, so that the blocks that were reserved are used.
        self.file.write_all(lines.as_bytes())?;
        self.file.set_len(lines.len() as u64)?;
        self.file.sync_all()?;
        fs::rename(&self.place, &self.path)?;
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
            Some(_) | None => File::open(".")?.sync_all(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Jelou surely made no secret: the file is as it was, and the place is taken away, unless it
    /// still tells of an exchange before.
    pub fn give_up(self) {
        if !self.mends {
            let _ = fs::remove_file(&self.place);
        }
    }
}

/// The file that a path leads to: a link to it stays a link.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn place_beside(path: &Path) -> PathBuf {
    let mut place = OsString::from(path);
    place.push(".new");
    PathBuf::from(place)
}

fn lines(secret: &Text, kept: &[Text]) -> String {
    let older = kept.iter().filter(|old| old.reveal() != secret.reveal());
    let all = [secret].into_iter().chain(older).take(SECRETS_KEPT);
    all.map(|secret| format!("{}\n", secret.reveal())).collect()
}

fn read(path: &Path) -> io::Result<(Vec<Text>, Option<fs::Metadata>)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Vec::new(), None)),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok((lines.map(Text::new).collect(), Some(metadata)))
}

fn make(place: &Path, like: Option<&fs::Metadata>, kept: &[Text]) -> io::Result<File> {
    match fs::remove_file(place) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(MODE);
    let mut file = options.open(place)?;
    if let Some(like) = like {
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (like.uid(), like.gid()) {
            fchown(&file, Some(like.uid()), Some(like.gid()))?;
        }
        let mode = like.permissions().mode() & MODE_MAX;
        file.set_permissions(fs::Permissions::from_mode(mode | MODE))?;
    }
    let room: usize = kept.iter().map(|old| old.reveal().len() + 1).sum();
    file.write_all(&vec![b'\n'; room + RESERVED_BYTES])?;
    file.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jelou-secret");
        (folder, path)
    }

    #[test]
    fn a_secret_that_could_not_be_kept_leaves_its_mark_until_one_is() {
        let (_folder, path) = folder();
        let file = SecretFile::prepare(&path, Maker::Jelou).unwrap();
        // Something came to stand in its place after it was looked at.
        fs::create_dir(&path).unwrap();
        let not = file.write(&Text::from("lost")).unwrap_err();
        assert!(not.remedy.contains("--rotate-secret"), "{}", not.remedy);
        assert!(!not.error.contains("lost"));
        assert!(was_broken_off(&path));
        fs::remove_dir(&path).unwrap();

        SecretFile::prepare(&path, Maker::Jelou).unwrap().give_up();
        assert!(
            was_broken_off(&path),
            "a question that Jelou refused mends nothing"
        );
        let file = SecretFile::prepare(&path, Maker::Jelou).unwrap();
        file.write(&Text::from("kept")).unwrap();
        assert!(!was_broken_off(&path));
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept\n");
    }

    #[test]
    fn where_nothing_was_asked_nothing_is_left() {
        let (folder, path) = folder();
        fs::write(&path, "old\n").unwrap();
        SecretFile::prepare(&path, Maker::Jelou).unwrap().give_up();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
