//! Checks and compiles how a profile's webhooks are proven and read. Neighbour: `compile`, the rest
//! of the same work.

use super::{
    compile::{ANSWER, Checker},
    expr::Names,
    place::Place,
    rules::{Challenge, CommentRule, EventRule, Part, Proof, Signature, WebhookRules},
    spec::{EventKind, EventSpec, ProofSpec, SignatureSpec, WebhookSpec},
};

pub(crate) fn compile(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &WebhookSpec,
) -> Option<WebhookRules> {
    let proof = proof(checker, &place.key("proof"), &spec.proof);
    if spec.challenge.is_some() && spec.proof.signature.is_none() {
        let remedy =
            "Give proof.signature, which says how the answer is made, or leave challenge out.";
        let what = "a challenge is answered by a signature, and the proof is none";
        checker.problem(&place.key("challenge"), what, remedy);
    }
    let challenge = spec.challenge.as_ref().map(|challenge| Challenge {
        parameter: challenge.parameter.clone(),
        signs: challenge.signs.clone(),
    });
    let body = checker.names(ANSWER);
    let recognised = checker.expr(&place.key("recognised"), &spec.recognised, &body);
    let id = place.key("delivery_id");
    let delivery_body = {
        let only_body = Names::new(&["body.*"]);
        checker.maybe(&id, "body", spec.delivery_id.body.as_ref(), &only_body)
    };
    let delivery_header = spec
        .delivery_id
        .header
        .as_ref()
        .and_then(|name| checker.header(&id.key("header"), name));
    let mut headers = Vec::new();
    for (n, name) in spec.headers.iter().enumerate() {
        let name = checker.header(&place.key("headers").index(n), name);
        headers.extend(name.map(|name| name.as_str().to_owned()));
    }
    let mut events = Vec::new();
    for (n, event) in spec.events.iter().enumerate() {
        events.extend(self::event(checker, &place.key("events").index(n), event));
    }
    if spec.events.is_empty() {
        checker.problem(
            &place.key("events"),
            "no body means anything",
            "Add [[webhook.events]].",
        );
    }
    Some(WebhookRules {
        optional: spec.optional,
        proof: proof?,
        challenge,
        headers,
        delivery_body,
        delivery_header,
        body_unique: spec.body_unique,
        recognised: recognised?,
        events,
        examples: spec.examples.clone(),
    })
}

fn proof(checker: &mut Checker<'_>, place: &Place, spec: &ProofSpec) -> Option<Proof> {
    match spec {
        ProofSpec {
            signature: Some(signature),
            header: None,
            basic: None,
            url_token: None,
        } => self::signature(checker, &place.key("signature"), signature).map(Proof::Signature),
        ProofSpec {
            signature: None,
            header: Some(header),
            basic: None,
            url_token: None,
        } => {
            let name = checker.header(&place.key("header").key("name"), &header.name)?;
            Some(Proof::Header {
                name,
                prefix: header.prefix.clone(),
            })
        }
        ProofSpec {
            signature: None,
            header: None,
            basic: Some(_),
            url_token: None,
        } => Some(Proof::Basic),
        ProofSpec {
            signature: None,
            header: None,
            basic: None,
            url_token: Some(_),
        } => Some(Proof::UrlToken),
        ProofSpec { .. } => {
            let remedy = "Give one of signature, header, basic, url_token.";
            checker.problem(place, "not exactly one proof of the sender", remedy);
            None
        }
    }
}

fn signature(checker: &mut Checker<'_>, place: &Place, spec: &SignatureSpec) -> Option<Signature> {
    let header = checker.header(&place.key("header"), &spec.header);
    let timestamp = spec
        .timestamp_header
        .as_ref()
        .and_then(|name| checker.header(&place.key("timestamp_header"), name));
    let signed = parts(checker, &place.key("signed"), &spec.signed)?;
    if !signed.contains(&Part::Body) {
        let remedy = "Put {body} where the body stands.";
        checker.problem(&place.key("signed"), "the body is not signed", remedy);
    }
    if signed.contains(&Part::Timestamp) != spec.timestamp_header.is_some() {
        let remedy = "Use {timestamp} in `signed` and name `timestamp_header`, or neither.";
        checker.problem(place, "the timestamp is named in one place only", remedy);
    }
    Some(Signature {
        header: header?,
        prefix: spec.prefix.clone(),
        digest: spec.digest,
        encoding: spec.encoding,
        signed,
        timestamp,
    })
}

fn parts(checker: &mut Checker<'_>, place: &Place, source: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            parts.push(Part::Words(before.to_owned()));
        }
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        parts.push(match name {
            "body" => Part::Body,
            "timestamp" => Part::Timestamp,
            "method" => Part::Method,
            "host" => Part::Host,
            "uri" => Part::Uri,
            other => {
                let what = format!("`{{{other}}}` cannot be signed");
                checker.problem(
                    place,
                    what,
                    "Use {body}, {timestamp}, {method}, {host}, {uri}.",
                );
                return None;
            }
        });
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest.to_owned()));
    }
    Some(parts)
}

fn event(checker: &mut Checker<'_>, place: &Place, spec: &EventSpec) -> Option<EventRule> {
    let body = checker.names(ANSWER);
    let names = body.and(&["it.*"]);
    let shape = checker.shape(&place.key("shape"), &spec.shape);
    let each = checker.maybe(place, "each", spec.each.as_ref(), &body);
    let when = checker.expr(&place.key("when"), &spec.when, &names);
    let ticket = checker.expr(&place.key("ticket"), &spec.ticket, &names);
    let comment = spec.comment.as_ref().and_then(|comment| {
        let place = place.key("comment");
        let id = checker.expr(&place.key("id"), &comment.id, &names);
        let body = checker.expr(&place.key("body"), &comment.body, &names);
        let public = checker.expr(&place.key("public"), &comment.public, &names);
        let by_agent = checker.expr(&place.key("by_agent"), &comment.by_agent, &names);
        Some(CommentRule {
            id: id?,
            body: body?,
            public: public?,
            by_agent: by_agent?,
            opening: checker.maybe(&place, "opening", comment.opening.as_ref(), &names),
            files: comment
                .files
                .as_ref()
                .and_then(|files| checker.files(&place.key("files"), files, &names)),
            files_listed: comment.files_listed,
        })
    });
    if (spec.event == EventKind::CommentAdded) != spec.comment.is_some() {
        let remedy = "comment_added needs `comment`; ticket_changed has none.";
        checker.problem(place, "the event and its parts do not fit", remedy);
    }
    Some(EventRule {
        event: spec.event,
        each,
        partial: spec.partial,
        by_us: checker.maybe(place, "by_us", spec.by_us.as_ref(), &names),
        at: checker.maybe(place, "at", spec.at.as_ref(), &names),
        comment,
        when: when?,
        ticket: ticket?,
        shape: shape?,
    })
}
