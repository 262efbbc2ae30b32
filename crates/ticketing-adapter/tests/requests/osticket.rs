//! What osTicket is asked, and what its answers mean. Neighbour: `talk`, which asks.

use crate::talk::Talk;
use bridge_core::{call::CallError, effect::Answer};

const OPTIONS: &[(&str, &str)] = &[("mail_domain", "acme.example"), ("topic_id", "3")];

async fn created(
    options: &[(&str, &str)],
    status: u16,
    body: &str,
) -> (Talk, Result<Answer, CallError>) {
    let mut talk = Talk::with("osticket", options).await;
    talk.remote.tell_with(status, &[], body);
    let done = talk.create(&[]).await;
    (talk, done)
}

#[tokio::test]
async fn a_ticket_is_asked_for_as_osticket_documents_it() {
    let (mut talk, done) = created(OPTIONS, 201, "123456").await;
    done.unwrap();
    let field = [
        OPTIONS,
        &[("conversation_field", "jelou"), ("priority_id", "2")],
    ]
    .concat();
    let (named, done) = created(&field, 201, "123457").await;
    done.unwrap();
    talk.said.extend(named.said);
    insta::assert_snapshot!("osticket_requests", talk.said.join("\n"));
}

/// Sites choose what their numbers look like; JSON would lose the zeros, and has no letters.
#[tokio::test]
async fn the_number_is_taken_as_it_is_written() {
    for number in ["123456", "000042", "WA-0042", "7\n"] {
        let (_, done) = created(OPTIONS, 201, number).await;
        let Ok(Answer::Created { ticket, whole, .. }) = done else {
            panic!("{number:?}: {done:?}");
        };
        assert_eq!(ticket.as_str(), number.trim());
        assert_eq!(whole.unwrap().status.as_str(), "open");
    }
}

#[tokio::test]
async fn what_is_no_number_proves_nothing() {
    let page = format!("<html>{}</html>", "x".repeat(300));
    for body in ["", "<b>Fatal error</b>", "two words", &page, "1\n2"] {
        let (_, done) = created(OPTIONS, 201, body).await;
        assert!(matches!(done, Err(CallError::Unknown { .. })), "{done:?}");
    }
}

#[tokio::test]
async fn no_sentence_of_a_refusal_is_told() {
    let refusal = "Unable to create new ticket: validation errors:\nemail: wa-593987654321@acme";
    let (_, done) = created(OPTIONS, 400, refusal).await;
    let refused = done.unwrap_err();
    assert!(
        matches!(refused, CallError::Refused { status: 400, .. }),
        "{refused:?}"
    );
    assert!(!refused.to_string().contains("593"), "{refused}");
    let (_, done) = created(OPTIONS, 401, "Valid API key required").await;
    assert!(matches!(done, Err(CallError::Locked { .. })), "{done:?}");
}

#[tokio::test]
async fn what_osticket_cannot_do_is_never_sent() {
    let mut talk = Talk::with("osticket", OPTIONS).await;
    for done in [
        talk.says(&[]).await,
        talk.notes(&[]).await,
        talk.status("open", &[]).await,
        talk.link(&[]).await,
        talk.fields("x", &[]).await,
    ] {
        assert!(matches!(done, Err(CallError::Refused { .. })), "{done:?}");
    }
    assert!(
        talk.said.iter().all(|said| !said.contains("/api")),
        "{:?}",
        talk.said
    );
}
