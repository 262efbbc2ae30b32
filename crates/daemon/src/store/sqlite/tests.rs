//! What only a file on a disk can do wrong. Neighbour: `store::tests`, the laws of any store.

mod effort;
mod restoring;

use super::{Options, Store, engine::Turn};
use crate::store::{
    Received, Room, RouteEnd, Source,
    error::{CommitError, StoreError},
    tests::{
        LEASE, at, changed,
        on_sqlite::{Fresh as Disk, fresh as disk, open},
        webhook,
    },
};
use bridge_core::{event::Side, time::Wait};
use futures::future::join_all;
use sqlx::{ConnectOptions, Row, SqliteConnection, query, sqlite::SqliteConnectOptions};
use std::{
    io::{Seek, SeekFrom, Write},
    path::PathBuf,
    time::Duration,
};

const AS_IT_IS: Options = Options {
    migrate: false,
    create: false,
};

fn path(disk: &Disk) -> PathBuf {
    PathBuf::from(disk.url.strip_prefix("sqlite:").unwrap())
}

async fn at_most_pages(store: &Store, pages: &'static str) {
    store
        .engine
        .write(Turn::Quiet, pages, |db, pages| {
            Box::pin(async move {
                query(*pages).execute(db).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
}

async fn rows(store: &Store) -> i64 {
    let row = query("SELECT count(*) FROM delivery")
        .fetch_one(&store.readers)
        .await
        .unwrap();
    row.get(0)
}

#[tokio::test]
async fn a_full_disk_stores_nothing_half_and_recovers_without_a_restart() {
    let disk = disk().await;
    at_most_pages(&disk, "PRAGMA max_page_count = 120").await;
    let body = "x".repeat(20_000);
    let send =
        |from: usize| {
            let (disk, body) = (&disk, &body);
            join_all((from..from + 40).map(move |n| async move {
                disk.record(webhook(body, Some(&n.to_string()))).await
            }))
        };
    let answers = send(0).await;
    let stored = answers.iter().filter(|a| a.is_ok()).count();
    assert!((1..40).contains(&stored), "{stored} of 40 fitted");
    for refused in answers.iter().filter_map(|a| a.as_ref().err()) {
        assert!(
            matches!(refused, StoreError::Unavailable { .. }),
            "{refused}"
        );
        assert!(refused.is_passing());
    }
    assert_eq!(rows(&disk).await, i64::try_from(stored).unwrap());

    at_most_pages(&disk, "PRAGMA max_page_count = 100000").await;
    assert!(send(40).await.iter().all(Result::is_ok));
    assert_eq!(rows(&disk).await, i64::try_from(stored + 40).unwrap());
    disk.close().await;
    open(&disk.url).await;
}

#[tokio::test]
async fn one_members_trouble_is_not_the_others() {
    let disk = disk().await;
    let trouble = |n: usize| {
        disk.engine.write(Turn::Work, n, |db, n| {
            Box::pin(async move {
                query("INSERT INTO meta (key, value) VALUES (?, '')")
                    .bind(n.to_string())
                    .execute(&mut *db)
                    .await?;
                match n {
                    3 => Err(CommitError::Store(StoreError::Unavailable {
                        reason: "made up".to_owned(),
                    })),
                    5 => panic!("made up"),
                    _ => Ok(()),
                }
            })
        })
    };
    let answers = join_all((0..8).map(trouble)).await;
    for (n, answer) in answers.iter().enumerate() {
        let stored = disk.meta(&n.to_string()).await.unwrap().is_some();
        assert_eq!(
            (answer.is_ok(), stored),
            (n != 3 && n != 5, n != 3 && n != 5),
            "{n}"
        );
    }
}

#[tokio::test]
async fn two_hundred_webhooks_at_once_share_a_few_commits_and_each_answer_is_durable() {
    let disk = disk().await;
    let before = *disk.work().borrow();
    let answers = join_all((0..200).map(|n| {
        let disk = &disk;
        async move {
            let id = n.to_string();
            disk.record(webhook("{}", Some(&id))).await.unwrap();
            // Readers are other connections: they see only what is committed.
            disk.counts(at(0)).await.unwrap().received["main"]
        }
    }))
    .await;
    assert!(answers.iter().all(|seen| *seen >= 1));
    assert_eq!(disk.counts(at(0)).await.unwrap().received["main"], 200);
    let commits = *disk.work().borrow() - before;
    assert!(commits < 100, "{commits} commits for 200 deliveries");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let disk = disk().await;
    disk.close().await;
    assert_eq!(
        disk.record(webhook("a", None)).await,
        Err(StoreError::Closed)
    );
    assert_eq!(disk.next_due().await, Err(StoreError::Closed));
}

#[tokio::test]
async fn a_commit_that_makes_something_due_is_heard_and_a_claim_is_not() {
    let disk = disk().await;
    let mut work = disk.work();
    disk.record(webhook("a", None)).await.unwrap();
    assert!(work.has_changed().unwrap());
    work.mark_unchanged();
    disk.claim_routes(&Room::of(1), at(1_000)).await.unwrap();
    assert!(!work.has_changed().unwrap(), "a claim makes nothing due");
}

#[tokio::test]
async fn what_retention_takes_is_gone_from_the_file_too() {
    let disk = disk().await;
    let canary = "canary-5f1c";
    let id = disk.received(canary).await.id;
    let ignored = RouteEnd::Ignored {
        reason: "reflection".to_owned(),
        object: None,
        events: Vec::new(),
    };
    disk.routed(id, ignored, at(1_000)).await.unwrap();
    assert_eq!(disk.prune(at(2_000)).await.unwrap().deliveries, 1);
    disk.close().await;
    let file = std::fs::read(path(&disk)).unwrap();
    let found = file.windows(canary.len()).any(|w| w == canary.as_bytes());
    assert!(!found, "the body is still in the file");
}

#[tokio::test]
async fn an_open_store_is_ready_and_can_be_tidied() {
    let disk = disk().await;
    disk.tidy().await.unwrap();
    disk.check().await.unwrap();
}

#[tokio::test]
async fn another_programs_short_lock_is_waited_for() {
    let disk = disk().await;
    let options = SqliteConnectOptions::new().filename(path(&disk));
    let mut shell = options.connect().await.unwrap();
    query("BEGIN IMMEDIATE").execute(&mut shell).await.unwrap();
    let unlock = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        query("COMMIT").execute(&mut shell).await.unwrap();
    };
    let (recorded, ()) = tokio::join!(disk.record(webhook("x", None)), unlock);
    assert!(recorded.is_ok(), "{recorded:?}");
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_is_gone() {
    let disk = disk().await;
    let refused = Store::open(&disk.url, AS_IT_IS).await.err().unwrap();
    assert!(matches!(&refused, StoreError::Locked { path } if path.ends_with("bridge.db.lock")));
    disk.close().await;
    Store::open(&disk.url, AS_IT_IS).await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_a_remedy() {
    let disk = disk().await;
    for n in 0..50 {
        disk.record(webhook(&"x".repeat(2_000), Some(&n.to_string())))
            .await
            .unwrap();
    }
    disk.close().await;
    let mut file = std::fs::File::options()
        .write(true)
        .open(path(&disk))
        .unwrap();
    let length = file.metadata().unwrap().len();
    for page in 2..length / 4_096 {
        file.seek(SeekFrom::Start(page * 4_096)).unwrap();
        file.write_all(&[0xa5; 512]).unwrap();
    }
    drop(file);
    let refused = Store::open(&disk.url, AS_IT_IS).await.err().unwrap();
    assert!(matches!(&refused, StoreError::Corrupt { path, .. } if path.ends_with("bridge.db")));
    for remedy in [".recover", "-wal and -shm moved away"] {
        assert!(refused.to_string().contains(remedy), "{refused}");
    }
    assert!(!refused.is_passing());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bridge.db");
    std::fs::write(
        &file,
        "these are my notes, and not a database at all".repeat(50),
    )
    .unwrap();
    let url = format!("sqlite:{}", file.display());
    let refused = Store::open(&url, AS_IT_IS).await.err().unwrap();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
}

#[tokio::test]
async fn a_missing_file_is_missed_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("none.db").display());
    let refused = Store::open(&url, AS_IT_IS).await.err().unwrap();
    assert!(matches!(refused, StoreError::Missing { .. }));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_missing_folder_is_named_and_not_the_lock_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let url = format!("sqlite:{}", missing.join("new.db").display());
    let options = Options {
        migrate: true,
        create: true,
    };
    let refused = Store::open(&url, options).await.err().unwrap().to_string();
    let named = format!("there is no folder {} (", missing.display());
    assert!(refused.contains(&named), "{refused}");
    assert!(!refused.contains(".lock"), "{refused}");
}

#[tokio::test]
async fn pending_migrations_are_refused_where_none_may_run() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("new.db").display());
    let options = Options {
        migrate: false,
        create: true,
    };
    let refused = Store::open(&url, options).await.err().unwrap();
    assert!(matches!(&refused, StoreError::Schema { .. }));
    assert!(
        refused.to_string().contains("jelou-bridge migrate"),
        "{refused}"
    );
    assert!(open(&url).await.migrated() > 0);
}

#[tokio::test]
async fn a_newer_versions_database_is_refused() {
    let disk = disk().await;
    disk.engine
        .write(Turn::Quiet, (), |db: &mut SqliteConnection, ()| {
            Box::pin(async move {
                query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)")
                    .execute(db)
                    .await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    disk.close().await;
    let refused = Store::open(&disk.url, AS_IT_IS).await.err().unwrap();
    assert!(refused.to_string().contains("9999"), "{refused}");
}

#[tokio::test]
async fn an_address_that_is_no_file_is_refused_without_showing_its_password() {
    for url in [
        "postgres://bridge:secret@db/bridge",
        "sqlite::memory:",
        "sqlite:",
        "bridge.db",
    ] {
        let refused = Store::open(url, AS_IT_IS).await.err().unwrap();
        assert!(matches!(refused, StoreError::Address { .. }), "{url}");
        assert!(!format!("{refused} {refused:?}").contains("secret"));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn customers_data_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let disk = disk().await;
    disk.record(webhook("x", None)).await.unwrap();
    let mut wal = path(&disk).into_os_string();
    wal.push("-wal");
    for file in [path(&disk), PathBuf::from(wal)] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_lane_that_cannot_be_read_is_set_aside_and_the_others_are_served() {
    let disk = disk().await;
    let (bad, _) = disk.told("maria", changed("7", 1)).await;
    let (good, _) = disk.told("joao", changed("8", 1)).await;
    let args = bad.clone();
    disk.engine
        .write(Turn::Quiet, args, |db, bad| {
            Box::pin(async move {
                query("UPDATE lane SET state = '{' WHERE id = ?")
                    .bind(bad.as_str())
                    .execute(db)
                    .await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    let claimed = disk.claimed(1_000).await;
    assert_eq!(claimed.lane.id, good);
    assert_eq!(disk.counts(at(1_000)).await.unwrap().lanes_unreadable, 1);
    let row = query("SELECT held_by FROM lane WHERE id = ?")
        .bind(bad.as_str())
        .fetch_one(&disk.readers)
        .await
        .unwrap();
    assert!(row.get::<&str, _>(0).starts_with("unreadable:lane:"));
    assert_eq!(
        disk.next_due().await.unwrap(),
        Some(at(31_000)),
        "only the good one's lease"
    );

    // Whoever asks for it by name is told that it is no use to wait, and it stays aside.
    let asked = disk.claim_lane(&bad, at(2_000), LEASE).await;
    let unreadable = StoreError::Unreadable { lane: bad };
    assert_eq!(asked.err(), Some(unreadable));
    assert_eq!(disk.counts(at(2_000)).await.unwrap().lanes_unreadable, 1);
}

#[tokio::test]
async fn a_large_damaged_file_is_served_no_longer_once_the_damage_is_found() {
    let disk = disk().await;
    let body = "x".repeat(100_000);
    for from in [0, 400] {
        let all = (from..from + 400).map(|n| {
            let (disk, body) = (&disk, &body);
            async move { disk.record(webhook(body, Some(&n.to_string()))).await }
        });
        assert!(join_all(all).await.iter().all(Result::is_ok));
    }
    assert!(disk.look_through().await.is_ok());
    disk.close().await;
    let mut file = std::fs::File::options()
        .write(true)
        .open(path(&disk))
        .unwrap();
    let pages = file.metadata().unwrap().len() / 4_096;
    for page in pages / 2..pages / 2 + 100 {
        file.seek(SeekFrom::Start(page * 4_096)).unwrap();
        file.write_all(&[0xa5; 512]).unwrap();
    }
    drop(file);
    let store = open(&disk.url).await;
    let found = store.look_through().await.unwrap_err();
    assert!(matches!(&found, StoreError::Corrupt { path, .. } if path.ends_with("bridge.db")));
}

#[tokio::test]
async fn a_flood_of_one_side_or_of_the_sweep_leaves_the_others_their_share_of_the_router() {
    let disk = disk().await;
    for n in 0..20 {
        let flood = webhook(&format!("flood {n}"), Some(&n.to_string()));
        disk.record(flood).await.unwrap();
    }
    let mut late = webhook("late", Some("late"));
    late.side = match late.side {
        Side::Jelou => Side::Ticketing,
        Side::Ticketing => Side::Jelou,
    };
    let side = late.side;
    disk.record(late).await.unwrap();
    let mut found = webhook("found", Some("found"));
    found.source = Source::Sweep;
    disk.record(found).await.unwrap();
    let claimed = disk.claim_routes(&Room::of(8), at(10_000)).await.unwrap();
    assert_eq!(claimed.len(), 8);
    assert!(claimed.iter().any(|received| received.side == side));
    let by_sweep = |received: &Received| received.source == Source::Sweep;
    assert!(claimed.iter().any(by_sweep));
    assert_eq!(
        disk.claim_routes(&Room::of(20), at(10_000))
            .await
            .unwrap()
            .len(),
        14
    );
}

#[tokio::test]
async fn a_pause_follows_a_clock_that_was_set_back_before_the_start_though_it_alone_was_written() {
    let disk = disk().await;
    let hours = 3 * 3_600_000;
    let (asked, until) = (at(hours), at(hours + 60_000));
    disk.pause("host:acme.test:443", until, "retry_after", asked)
        .await
        .unwrap();
    let disk = disk.restarted().await;
    let room = Room::of(1);
    disk.claim_lanes(&room, at(5_000), LEASE).await.unwrap();
    let minute = Wait {
        since: at(5_000),
        until: at(65_000),
    };
    assert_eq!(disk.pauses().await.unwrap()[0].wait, minute);
}

/// Every version's tables, with rows as that version wrote them, must still open and be worked on.
#[tokio::test]
async fn a_database_of_each_earlier_version_is_migrated_with_its_rows() {
    let rows = [
        include_str!("../../../../../migrations/sqlite/data/0001.sql"),
        include_str!("../../../../../migrations/sqlite/data/0002.sql"),
        include_str!("../../../../../migrations/sqlite/data/0003.sql"),
        include_str!("../../../../../migrations/sqlite/data/0004.sql"),
        include_str!("../../../../../migrations/sqlite/data/0005.sql"),
        include_str!("../../../../../migrations/sqlite/data/0006.sql"),
        include_str!("../../../../../migrations/sqlite/data/0007.sql"),
    ];
    for (version, rows) in (1..).zip(rows) {
        migrated_with_its_rows(version, rows).await;
    }
}

async fn migrated_with_its_rows(version: i64, rows: &'static str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("old.db");
    super::open::make_old(&file, version, rows).await;
    let store = open(&format!("sqlite:{}", file.display())).await;
    let lanes = store
        .claim_lanes(&Room::of(10), at(1_000), crate::store::tests::LEASE)
        .await
        .unwrap();
    assert_eq!(lanes.len(), 1);
    assert_eq!(
        (lanes[0].lane.links.len(), lanes[0].lane.intents.len()),
        (1, 1)
    );
    assert_eq!(lanes[0].lane.pending.len(), 1);
    // What was kept before messages were relayed is not relayed now.
    assert_eq!(lanes[0].lane.messages.len(), usize::from(version >= 3));
    assert_eq!(
        store
            .claim_routes(&Room::of(10), at(1_000))
            .await
            .unwrap()
            .len(),
        1
    );
    let broken = query("PRAGMA foreign_key_check")
        .fetch_all(&store.readers)
        .await
        .unwrap();
    assert!(broken.is_empty());
}
