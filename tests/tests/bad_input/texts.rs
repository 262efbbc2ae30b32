//! What customers write is data, whatever it looks like. Neighbour: the mapping, whose own texts are
//! templates.

use super::*;
use bridge_tests::play::user;

/// Looks like a template, a page, a header and an attack, and is a sentence of a customer's.
const NASTY: &str = "{{ 7 * 7 }} {% for x in y %} {# no #} <script>alert('1')</script> &amp; \
    \"quoted\" \\ $(rm -rf) ${HOME} %00 \u{202e}RTL 👩‍👩‍👧 ção";

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_words_and_name_are_on_the_ticket_as_they_wrote_them() {
    let play = Play::begin().await;
    play.jelou()
        .add_user(&user(1), "{{ contact.id }} <b>Bold</b>");
    let conversation = play.jelou().customer_starts(&user(1), NASTY).unwrap();
    let ticket = play.ticket_of(&conversation).await;
    let ticket = play.helpdesk().ticket(&ticket).unwrap();
    assert_eq!(ticket.description, NASTY);
    assert_eq!(ticket.subject, "WhatsApp: {{ contact.id }} <b>Bold</b>");
    assert_eq!(
        ticket.requester.name.as_deref(),
        Some("{{ contact.id }} <b>Bold</b>")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_words_reach_the_customer_as_they_wrote_them() {
    let play = Play::begin().await;
    let name = "{{ ticket.id }} <i>& Filhos</i>";
    let ticket = play.stage.ticket_for("(11) 98765-0002", name, "x");
    let conversation = play.linked(&ticket).await;
    let started = play.jelou().conversation(&conversation).unwrap();
    let wanted = format!("Olá {name}, sobre o chamado {ticket}.");
    assert_eq!(started.initial_message.as_deref(), Some(wanted.as_str()));
}
