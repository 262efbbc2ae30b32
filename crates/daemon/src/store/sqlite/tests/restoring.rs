//! A backup put in the file's place after a kill, whose log of writes is still there. Neighbour:
//! `docs/OPERATING.md`, which says what to do with that.

use super::*;
use std::path::Path;

const GUIDE: &str = include_str!("../../../../../../docs/OPERATING.md");

/// How the names of the file's companions end.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// What a kill left, and a backup from before the last write.
struct Left {
    file: PathBuf,
    backup: PathBuf,
    _folder: tempfile::TempDir,
}

impl Left {
    async fn by_a_kill() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (file, backup) = (
            folder.path().join("bridge.db"),
            folder.path().join("copy.db"),
        );
        let mut disk = disk().await;
        disk.record(webhook("before", Some("1"))).await.unwrap();
        // A close folds the log into the file, which is then page for page what `.backup` writes.
        disk.restart().await;
        std::fs::copy(path(&disk), &backup).unwrap();
        disk.record(webhook("after", Some("2"))).await.unwrap();
        // A kill leaves the files as they stand: nobody folds the log any more.
        for end in ["", "-wal", "-shm"] {
            std::fs::copy(beside(&path(&disk), end), beside(&file, end)).unwrap();
        }
        Self {
            file,
            backup,
            _folder: folder,
        }
    }

    /// Puts the backup in the file's place, starts, and counts what is there.
    async fn restored(&self) -> i64 {
        std::fs::copy(&self.backup, &self.file).unwrap();
        let store = open(&format!("sqlite:{}", self.file.display())).await;
        let there = rows(&store).await;
        store.close().await;
        there
    }
}

#[tokio::test]
async fn a_backup_that_is_restored_as_the_guide_says_holds_nothing_newer() {
    let left = Left::by_a_kill().await;
    for end in COMPANIONS {
        let named = format!("`bridge.db{end}`");
        assert!(GUIDE.contains(&named), "the guide names {named}");
        let aside = beside(&left.file, &format!("{end}.old"));
        std::fs::rename(beside(&left.file, end), aside).unwrap();
    }
    assert_eq!(left.restored().await, 1);
}

/// Why the guide says it: the database finds nothing wrong with such a mixture.
#[tokio::test]
async fn a_log_that_stays_beside_a_restored_backup_is_written_into_it() {
    assert_eq!(Left::by_a_kill().await.restored().await, 2);
}
