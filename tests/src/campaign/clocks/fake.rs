//! A wall clock that can be set while the daemon runs: libfaketime in front of it. Neighbour:
//! `clocks`, which sets it at bad moments.
//!
//! Only the wall clock is faked. CLOCK_MONOTONIC, by which the runtime's timers and deadlines go,
//! never jumps on a real machine either.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Where Debian and others put the library; the first that is there is taken.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// A leap year has as many seconds at most.
const YEAR_SECS: i64 = 366 * 86_400;

/// The wall clock of one daemon.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
    library: &'static str,
}

impl Clock {
    /// A clock that is right at first. Its file is put into a folder.
    ///
    /// # Errors
    /// If libfaketime is missing, and how to get it; or what the operating system said.
    pub fn in_folder(folder: &Path) -> Result<Self, String> {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        let library = library.ok_or("libfaketime is missing: `apt-get install libfaketime`")?;
        let clock = Self {
            file: folder.join("clock"),
            library,
        };
        clock.prove()?;
        Ok(clock)
    }

    /// What puts it in front of a program: what is added to its environment.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let file = self.file.display().to_string();
        let all = [
            ("LD_PRELOAD", self.library),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            // A change is seen at once; by default it is after ten seconds.
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ];
        all.map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec()
    }

    /// Sets it this many seconds off the true time.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn set(&self, seconds: i64) -> Result<(), String> {
        // In one move: nobody may read half of it.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n"))
            .and_then(|()| std::fs::rename(&new, &self.file))
            .map_err(|error| error.to_string())
    }

    /// A library that silently does nothing would make every story a good one.
    fn prove(&self) -> Result<(), String> {
        let (now, later) = (self.year(0)?, self.year(2 * YEAR_SECS)?);
        self.set(0)?;
        if now == later {
            return Err(format!(
                "libfaketime does not work here: it is always {now}"
            ));
        }
        Ok(())
    }

    fn year(&self, seconds: i64) -> Result<String, String> {
        self.set(seconds)?;
        let mut date = Command::new("date");
        let told = date.arg("+%Y").envs(self.environment()).output();
        let told = told.map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&told.stdout).trim().to_owned())
    }
}
