//! The signatures of the built-in profiles, each with an answer that another implementation gave. Neighbour:
//! `webhooks`, what a body that is proven means.
#![allow(clippy::unwrap_used, reason = "a proof of another form fails its test")]

mod support;

use http::{HeaderMap, HeaderName, HeaderValue};
use support::settings;
use ticketing_adapter::{Profile, Refused, webhook};

const BODY: &[u8] = b"{\"a\":1}";

/// A profile, and the headers that prove [`BODY`] under the secret `s3cret` at `bridge.example.org`.
const PROVEN: [(&str, &[(&str, &str)]); 5] = [
    (
        "jira-sm",
        &[(
            "X-Hub-Signature",
            "sha256=5910e62016ef5034272c926c27071992a465c2335cecf41851bda071577f4f6d",
        )],
    ),
    (
        "zammad",
        &[(
            "X-Hub-Signature",
            "sha1=79999786a1bff10cd4d7dd0b0752574af76be0b5",
        )],
    ),
    (
        "glpi",
        &[
            (
                "X-GLPI-signature",
                "a11b33bba0ad7eedc3c7cbdfde1785cd49e14b3c7c34936765d20a989b8d1557",
            ),
            ("X-GLPI-timestamp", "1795228183"),
        ],
    ),
    (
        "hubspot",
        &[
            (
                "X-HubSpot-Signature-v3",
                "a9UH2yCDKEcKwOdOuJ8rVKnWD9vmaCCj0OoxEs0d2jE=",
            ),
            ("X-HubSpot-Request-Timestamp", "1795228183000"),
        ],
    ),
    (
        "redmine",
        &[(
            "X-Redmine-Signature-256",
            "sha256=5910e62016ef5034272c926c27071992a465c2335cecf41851bda071577f4f6d",
        )],
    ),
];

fn verified(name: &str, host: &str, shown: &[(&str, &str)], raw: &[u8]) -> Result<(), Refused> {
    let profile = Profile::builtin(name).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_str(host).unwrap());
    for (name, value) in shown {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let path = "/webhooks/main/ticketing";
    let ours = settings("http://127.0.0.1:1", &[]);
    webhook::verify(&profile, &ours, "POST", path, &headers, raw)
}

#[test]
fn what_a_vendor_signs_is_accepted_and_nothing_changed_in_it() {
    let host = "bridge.example.org";
    for (name, shown) in PROVEN {
        assert_eq!(verified(name, host, shown, BODY), Ok(()), "{name}");
        assert_eq!(
            verified(name, host, shown, b"{\"a\":2}"),
            Err(Refused::Wrong),
            "{name}"
        );
        assert_eq!(
            verified(name, host, &[], BODY),
            Err(Refused::Missing),
            "{name}"
        );
    }
}

#[test]
fn where_the_address_is_signed_another_address_is_no_proof() {
    let (name, shown) = PROVEN[3];
    let other = verified(name, "elsewhere.example.org", shown, BODY);
    assert_eq!(other, Err(Refused::Wrong));
}

#[test]
fn a_system_that_signs_nothing_knows_the_secret_in_the_address() {
    let profile = Profile::builtin("django-helpdesk").unwrap();
    let ours = settings("http://127.0.0.1:1", &[]);
    let asked =
        |path: &str| webhook::verify(&profile, &ours, "POST", path, &HeaderMap::new(), BODY);
    assert_eq!(asked("/webhooks/main/ticketing/s3cret"), Ok(()));
    assert_eq!(asked("/webhooks/main/ticketing/s3cre"), Err(Refused::Wrong));
    assert_eq!(asked("/webhooks/main/ticketing"), Err(Refused::Wrong));
}

/// What GLPI's `Webhook::validateCRAChallenge` sends under the secret `s3cret`, and what it compares the
/// answer with.
#[test]
fn a_challenge_is_answered_to_who_knows_the_secret_and_nothing_else_is_signed() {
    let asked = |name: &str, query: &str| {
        let profile = Profile::builtin(name).unwrap();
        webhook::challenged(&profile, &settings("http://127.0.0.1:1", &[]), query)
    };
    let token = "c3ccb6c25ac00ea4f8ab481abd5eff7475700b8203830ea28cafd6f74f3e7775";
    let answer = "5e5598a52fb399d72f42eb60896f3a6b8b6a765fb88316e41a5bb831353bd401";
    let query = |token: &str| format!("x=1&crc_token={token}");
    assert_eq!(asked("glpi", &query(token)).as_deref(), Ok(answer));
    for chosen in ["{\"event\":\"new\"}1795228183", &token[1..], ""] {
        assert_eq!(
            asked("glpi", &query(chosen)),
            Err(Refused::Wrong),
            "{chosen}"
        );
    }
    assert_eq!(asked("glpi", "x=1"), Err(Refused::Missing));
    assert_eq!(asked("zendesk", &query(token)), Err(Refused::Unexpected));
}
