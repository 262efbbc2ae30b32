//! When the machine itself was slow. Neighbours: `season`, which has it watched; `laws`, which allow for it.
//!
//! The program shares its disk and cores with the campaign, and maybe with others. A small write of our own
//! tells what one of the program's would have taken at the time.

use jelou_bridge::clock;
use std::{
    fs::File,
    io::{Seek, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// From one small write to the next: a slow moment that is shorter matters to nobody here.
const WRITE_EVERY: Duration = Duration::from_millis(25);

/// A write that takes this long, ms, leaves the program too little of `fault::KEPT_WITHIN_MS`.
const SLOW_FROM_MS: i64 = 50;

/// As much as a small commit writes: one page of the database.
const PAGE: [u8; 4096] = [7; 4096];

/// A stretch in which the machine was slow; ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// When the write should have begun.
    pub from: i64,
    /// When it was done.
    pub to: i64,
}

/// Writes beside the program until nobody asks any more.
#[derive(Clone, Debug)]
pub struct Watch(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    slow: Mutex<Vec<Slow>>,
    over: AtomicBool,
}

impl Watch {
    /// Begins. Where it cannot write, the machine counts as fast.
    #[must_use]
    pub fn begin() -> Self {
        let seen = Arc::new(Seen::default());
        let weak = Arc::downgrade(&seen);
        thread::spawn(move || {
            let Ok(mut file) = tempfile::tempfile() else {
                return;
            };
            loop {
                let due = clock::now().plus(WRITE_EVERY);
                thread::sleep(WRITE_EVERY);
                let written = write(&mut file);
                let to = clock::now();
                let Some(seen) = weak.upgrade() else {
                    return;
                };
                if seen.over.load(Ordering::Relaxed) || written.is_err() {
                    return;
                }
                if to.0 - due.0 >= SLOW_FROM_MS {
                    let slow = Slow {
                        from: due.0,
                        to: to.0,
                    };
                    let mut all = seen.slow.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(slow);
                }
            }
        });
        Self(seen)
    }

    /// Ends it.
    pub fn end(&self) {
        self.0.over.store(true, Ordering::Relaxed);
    }

    /// Every stretch so far in which the machine was slow.
    #[must_use]
    pub fn slow(&self) -> Vec<Slow> {
        let all = self.0.slow.lock();
        all.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn write(file: &mut File) -> std::io::Result<()> {
    file.rewind()?;
    file.write_all(&PAGE)?;
    file.sync_data()
}
