//! What a customer sends that is no text hangs on the ticket, apart from its message. Neighbours:
//! `talking`, for the words; bridge-transport's tests, which know every address that is not opened.

use bridge_sandbox::{
    Jelou, Operation, Reply, Rule,
    helpdesk::{Attachment, Comment},
    jelou::{CustomerFile, Speaker},
};
use bridge_tests::play::{Play, user};
use bytes::Bytes;
use jelou_bridge::api::decide::{Decision, ParkedChosen, decide};
use serde_json::json;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How a picture begins; nobody here looks further.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

fn picture() -> CustomerFile {
    CustomerFile {
        kind: "image".to_owned(),
        mime_type: "image/png".to_owned(),
        name: "foto.png".to_owned(),
        caption: Some("Veja".to_owned()),
        bytes: Bytes::from_static(PICTURE),
    }
}

/// What hangs on a ticket, with the comment that it hangs on.
fn hung(play: &Play, ticket: &str) -> Vec<(Comment, Attachment)> {
    let comments = play.helpdesk().comments(ticket).into_iter();
    let each = |comment: Comment| {
        let files = comment.attachments.clone().into_iter();
        files.map(move |file| (comment.clone(), file))
    };
    comments.flat_map(each).collect()
}

async fn until_hung(play: &Play, ticket: &str, many: usize) -> Vec<(Comment, Attachment)> {
    play.until("the files hang on the ticket", |_, _| {
        hung(play, ticket).len() >= many
    })
    .await;
    play.settle().await;
    hung(play, ticket)
}

/// How many comments of a ticket hold these words.
fn said(play: &Play, ticket: &str, words: &str) -> usize {
    let comments = play.helpdesk().comments(ticket).into_iter();
    comments.filter(|c| c.body.contains(words)).count()
}

/// A machine inside somebody's network that counts who knocks.
async fn machine() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let knocks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&knocks);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (addr, knocks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_picture_and_document_hang_on_the_ticket_byte_for_byte() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    let large = Bytes::from(vec![7; 3 << 20]);
    let document = CustomerFile {
        kind: "document".to_owned(),
        mime_type: "application/x-msdownload".to_owned(),
        name: "nota ção.exe".to_owned(),
        caption: None,
        bytes: large.clone(),
    };
    let jelou = play.jelou();
    jelou.customer_sends_file(&conversation, picture()).unwrap();
    jelou.customer_sends_file(&conversation, document).unwrap();
    let mut files = until_hung(&play, &ticket, 2).await;
    // Files wait for nothing, nor for each other.
    files.sort_by_key(|(_, file)| file.name.starts_with("nota"));
    let [(comment, first), (_, second)] = &files[..] else {
        panic!("{files:?}");
    };
    assert!(
        comment.public && comment.body.starts_with("[image: image-"),
        "{comment:?}"
    );
    assert_eq!(first.mime_type, "image/png");
    assert_eq!(play.helpdesk().file(&first.id).unwrap(), PICTURE);
    // A type that could run where an agent opens it is not handed on.
    let kept = (second.name.as_str(), second.mime_type.as_str());
    assert_eq!(kept, ("nota ção.exe", "application/octet-stream"));
    assert_eq!(play.helpdesk().file(&second.id).unwrap(), large);
    // Each message came by itself, with the file's address.
    assert_eq!(said(&play, &ticket, "/media/"), 2);
    assert_eq!(said(&play, &ticket, "Veja"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_file_holds_back_neither_its_message_nor_the_next() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    let jelou = play.jelou();
    jelou.manners().fail_next(Operation::File, 1_000, 503);
    jelou.customer_sends_file(&conversation, picture()).unwrap();
    jelou.customer_writes(&conversation, "Recebeu?").unwrap();
    play.until("both messages are there", |_, _| {
        said(&play, &ticket, "Veja") == 1 && said(&play, &ticket, "Recebeu?") == 1
    })
    .await;
    assert!(hung(&play, &ticket).is_empty());
    jelou.manners().clear();
    assert_eq!(until_hung(&play, &ticket, 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_answer_is_cut_off_hangs_once() {
    for operation in [Operation::Upload, Operation::AddComment] {
        let play = Play::begin().await;
        let (ticket, conversation) = play.pair(1).await;
        play.jelou().customer_writes(&conversation, "Oi").unwrap();
        play.until("the message is there", |_, _| {
            said(&play, &ticket, "Oi") == 1
        })
        .await;
        play.settle().await;
        let manners = play.helpdesk().manners();
        manners.add(Rule {
            operation: Some(operation),
            // The words that a file hangs with; an upload has none.
            about: (operation == Operation::AddComment).then(|| "[image: ".to_owned()),
            times: Some(1),
            performed: true,
            reply: Reply::Cut,
            ..Rule::default()
        });
        let jelou = play.jelou();
        jelou.customer_sends_file(&conversation, picture()).unwrap();
        let files = until_hung(&play, &ticket, 1).await;
        assert_eq!(files.len(), 1, "{operation:?}: {files:?}");
        assert!(play.parked().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_is_told_once_and_can_be_tried_again() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    let jelou = play.jelou();
    jelou.manners().fail_next(Operation::File, 1, 403);
    jelou.customer_sends_file(&conversation, picture()).unwrap();
    play.until("the agents are told", |_, _| {
        !play.notes(&ticket).is_empty()
    })
    .await;
    play.settle().await;
    let parked = play.parked().await;
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0]["reason"], "file");
    assert!(play.notes(&ticket)[0].body.contains("answered 403"));
    let jobs = &play.stage.daemon().unwrap().jobs;
    let chosen = ParkedChosen {
        reason: Some("file".to_owned()),
        ..ParkedChosen::default()
    };
    decide(jobs, Decision::Retry, chosen).await.unwrap();
    assert_eq!(until_hung(&play, &ticket, 1).await.len(), 1);
    assert_eq!(play.notes(&ticket).len(), 1);
    assert!(play.parked().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_names_a_machine_of_ours_opens_nothing_there() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    let (inside, knocks) = machine().await;
    let jelou = play.jelou();
    let addresses = [
        format!("http://{inside}/a.png"),
        format!("https://{inside}/a.png"),
        format!("https://localhost:{}/a.png", inside.port()),
        "https://127.0.0.1/a.png".to_owned(),
        "https://[::ffff:169.254.169.254]/latest".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for url in &addresses {
        let content = json!({"url": url, "mime_type": "image/png"});
        jelou
            .customer_sends(&conversation, "image", &content)
            .unwrap();
    }
    play.until("all are told", |_, _| {
        play.notes(&ticket).len() >= addresses.len()
    })
    .await;
    play.settle().await;
    assert_eq!(knocks.load(Ordering::SeqCst), 0);
    assert!(hung(&play, &ticket).is_empty());
    let parked = play.parked().await;
    assert!(parked.iter().all(|item| item["reason"] == "file"));
    assert_eq!(parked.len(), addresses.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_file_reaches_the_customer_behind_their_words_once() {
    let play = Play::begin().await;
    let (ticket, _) = play.pair(1).await;
    let by_agents = |jelou: &Jelou| {
        let mut heard = jelou.heard_by(&user(1));
        heard.retain(|spoken| spoken.by == Speaker::Operator);
        heard
    };
    let bytes = Bytes::from_static(PICTURE);
    for (words, file) in [
        ("Segue a foto", ("etiqueta 🙂.png", "image/png")),
        ("", ("nota.pdf", "application/pdf")),
    ] {
        play.helpdesk()
            .agent_sends_file(&ticket, words, file, bytes.clone())
            .unwrap();
    }
    play.until("all reached the customer", |jelou, _| {
        by_agents(jelou).len() >= 3
    })
    .await;
    play.settle().await;
    let heard = by_agents(play.jelou());
    let mut kinds: Vec<&str> = heard.iter().map(|spoken| spoken.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["document", "image", "text"]);
    for spoken in heard.iter().filter(|spoken| spoken.kind != "text") {
        let url = spoken.content["url"].as_str().unwrap();
        let file = reqwest::get(url).await.unwrap();
        assert_eq!(file.bytes().await.unwrap(), PICTURE);
    }
    assert_eq!(hung(&play, &ticket).len(), 2, "nothing came back");
}
