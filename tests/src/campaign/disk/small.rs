//! A small disk that can be filled and emptied. Neighbour: `disk`, which does so at bad moments.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What the disk is filled with, at a time.
static BLOCK: [u8; 64 * 1024] = [0; 64 * 1024];

/// A file system in memory, of a fixed size. It is gone when this is dropped, also in a panic.
#[derive(Debug)]
pub struct Small {
    at: PathBuf,
    ballast: PathBuf,
}

impl Small {
    /// Mounts one at an empty folder.
    ///
    /// # Errors
    /// What `mount` said: it takes root.
    pub fn mount(at: &Path, bytes: u64) -> Result<Self, String> {
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let size = format!("size={bytes},mode=0700");
        let told = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "jelou-bridge-campaign"])
            .arg(at)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("mount could not be run: {error}"))?;
        if !told.status.success() {
            let said = String::from_utf8_lossy(&told.stderr);
            return Err(format!("a tmpfs could not be mounted: {}", said.trim()));
        }
        Ok(Self {
            at: at.to_owned(),
            ballast: at.join("ballast"),
        })
    }

    /// Fills it, and leaves this much room, bytes. What others take meanwhile is theirs.
    ///
    /// # Errors
    /// What the operating system said, but that the disk is full.
    pub fn fill(&self, room: u64) -> Result<(), String> {
        let said = |error: std::io::Error| error.to_string();
        let file = File::options()
            .create(true)
            .append(true)
            .open(&self.ballast);
        let mut file = file.map_err(said)?;
        loop {
            match file.write(&BLOCK) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                Err(error) => return Err(said(error)),
            }
        }
        let size = file.metadata().map_err(said)?.len();
        file.set_len(size.saturating_sub(room)).map_err(said)
    }

    /// Gives all room back.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn empty(&self) -> Result<(), String> {
        match std::fs::remove_file(&self.ballast) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a daemon that is just being killed may still have its files open.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}
