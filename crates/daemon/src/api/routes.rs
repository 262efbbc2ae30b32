//! Every operation with its address, once. Neighbours: the nouns, which do the work; `openapi`, which
//! is written from this list, so that no route can be missing there.

use super::{
    ApiError, VERSION, bridges, decide, explain,
    extract::{Ask, Body},
    halt, lane, link, links, openapi, parked, stuck, sweep, timeline,
};
use crate::{
    jobs::Jobs,
    setup::rotate::{RotateAsked, Rotated, Rotator},
};
use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    http::Method,
    routing::{MethodRouter, get, post},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// One operation.
pub(super) struct Route {
    pub method: Method,
    /// Below [`VERSION`].
    pub path: &'static str,
    pub summary: &'static str,
    /// The fields of its query, or of its body.
    pub asked: Asked,
    /// What it answers when all is well.
    pub answer: fn(&mut SchemaGenerator) -> Schema,
    handler: fn() -> MethodRouter<Jobs>,
}

/// Where the question stands.
pub(super) enum Asked {
    Nothing,
    Query(fn(&mut SchemaGenerator) -> Schema),
    Body(fn(&mut SchemaGenerator) -> Schema),
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The API, for the admin listener to put behind its token at [`super::MOUNT`].
pub fn router(jobs: Jobs) -> Router {
    let document = openapi::document(&routes());
    let mut router = Router::new().route(
        &format!("{VERSION}/openapi.json"),
        get(move || {
            let document = document.clone();
            async move { Json(document) }
        }),
    );
    for route in routes() {
        router = router.route(&format!("{VERSION}{}", route.path), (route.handler)());
    }
    router
        .fallback(|| async {
            ApiError::missing(
                "there is no such operation",
                "/api/v1/openapi.json lists them",
            )
        })
        .method_not_allowed_fallback(|| async {
            ApiError::wrong(
                "this address takes another method",
                "/api/v1/openapi.json lists them",
            )
        })
        .with_state(jobs)
}

type Answered<T> = Result<Json<T>, ApiError>;

/// All of them.
pub(super) fn routes() -> Vec<Route> {
    let mut all = Vec::from(of_links());
    all.extend(of_customers());
    all.extend(of_parked());
    all.extend(of_rounds());
    all.push(of_bridges());
    all.push(of_secrets());
    all
}

/// Which tickets and conversations belong together.
fn of_links() -> [Route; 4] {
    [
        Route {
            method: Method::GET,
            path: "/links",
            summary: "Lists links, the latest changed first",
            asked: Asked::Query(schema::<links::LinksAsked>),
            answer: schema::<links::Links>,
            handler: || {
                get(|State(jobs): State<Jobs>, Ask(asked)| async move {
                    json(links::list(&jobs, asked).await)
                })
            },
        },
        Route {
            method: Method::GET,
            path: "/links/{id}",
            summary: "Shows one link with all that was planned for it",
            asked: Asked::Nothing,
            answer: schema::<links::LinkShown>,
            handler: || {
                get(
                    |State(jobs): State<Jobs>, Path(id): Path<String>| async move {
                        json(links::show(&jobs, &id).await)
                    },
                )
            },
        },
        Route {
            method: Method::POST,
            path: "/link",
            summary: "Ties a ticket and a conversation together",
            asked: Asked::Body(schema::<link::LinkWanted>),
            answer: schema::<link::Linked>,
            handler: || {
                post(|State(jobs): State<Jobs>, Body(wanted)| async move {
                    json(link::link(&jobs, wanted).await)
                })
            },
        },
        Route {
            method: Method::POST,
            path: "/unlink",
            summary: "Ends a link; the ticket and the conversation stay as they are",
            asked: Asked::Body(schema::<link::UnlinkWanted>),
            answer: schema::<link::Linked>,
            handler: || {
                post(|State(jobs): State<Jobs>, Body(wanted)| async move {
                    json(link::unlink(&jobs, wanted).await)
                })
            },
        },
    ]
}

/// What is known, and what happened.
fn of_customers() -> [Route; 3] {
    [
        Route {
            method: Method::POST,
            path: "/timeline",
            summary: "Reads the timeline of one ticket, conversation or user; a read, but users' ids have no place in a URL",
            asked: Asked::Body(schema::<timeline::TimelineAsked>),
            answer: schema::<timeline::Timeline>,
            handler: || {
                post(|State(jobs): State<Jobs>, Body(asked)| async move {
                    json(timeline::timeline(&jobs, asked).await)
                })
            },
        },
        Route {
            method: Method::GET,
            path: "/explain",
            summary: "Tells why a ticket's conversation did not start or close: what each rule asks for, and what it finds stored",
            asked: Asked::Query(schema::<explain::ExplainAsked>),
            answer: schema::<explain::Explained>,
            handler: || {
                get(|State(jobs): State<Jobs>, Ask(asked)| async move {
                    json(explain::explain(&jobs, asked).await)
                })
            },
        },
        Route {
            method: Method::GET,
            path: "/lanes",
            summary: "Reads all that is known of the customer of a ticket, for `explain --lane`",
            asked: Asked::Query(schema::<lane::LaneAsked>),
            answer: schema::<lane::LaneFile>,
            handler: || {
                get(|State(jobs): State<Jobs>, Ask(asked)| async move {
                    json(lane::of_ticket(&jobs, asked).await)
                })
            },
        },
    ]
}

/// What waits for a person.
fn of_parked() -> [Route; 5] {
    [
        Route {
            method: Method::GET,
            path: "/parked",
            summary: "Lists work that waits for a person, the oldest first",
            asked: Asked::Query(schema::<parked::ParkedAsked>),
            answer: schema::<parked::ParkedList>,
            handler: || {
                get(|State(jobs): State<Jobs>, Ask(asked)| async move {
                    json(parked::list(&jobs, asked).await)
                })
            },
        },
        Route {
            method: Method::GET,
            path: "/stuck",
            summary: "Lists what does not move, and on what it waits, the oldest first",
            asked: Asked::Query(schema::<stuck::StuckAsked>),
            answer: schema::<stuck::Stuck>,
            handler: || {
                get(|State(jobs): State<Jobs>, Ask(asked)| async move {
                    json(stuck::list(&jobs, asked).await)
                })
            },
        },
        Route {
            method: Method::GET,
            path: "/parked/{id}",
            summary: "Shows one parked item",
            asked: Asked::Nothing,
            answer: schema::<parked::ParkedView>,
            handler: || {
                get(
                    |State(jobs): State<Jobs>, Path(id): Path<String>| async move {
                        json(parked::show(&jobs, &id).await)
                    },
                )
            },
        },
        Route {
            method: Method::POST,
            path: "/parked/retry",
            summary: "Tries parked work again: one item, or all that a filter leaves",
            asked: Asked::Body(schema::<decide::ParkedChosen>),
            answer: schema::<decide::ParkedDone>,
            handler: || {
                post(|State(jobs): State<Jobs>, Body(chosen)| async move {
                    json(decide::decide(&jobs, decide::Decision::Retry, chosen).await)
                })
            },
        },
        Route {
            method: Method::POST,
            path: "/parked/discard",
            summary: "Gives parked work up: one item, or all that a filter leaves",
            asked: Asked::Body(schema::<decide::ParkedChosen>),
            answer: schema::<decide::ParkedDone>,
            handler: || {
                post(|State(jobs): State<Jobs>, Body(chosen)| async move {
                    json(decide::decide(&jobs, decide::Decision::Discard, chosen).await)
                })
            },
        },
    ]
}

/// The safety halt and the sweep.
fn of_rounds() -> [Route; 3] {
    [
        Route {
            method: Method::GET,
            path: "/halt",
            summary: "Lists the safety halts of all bridges",
            asked: Asked::Query(schema::<halt::HaltsAsked>),
            answer: schema::<halt::Halts>,
            handler: || {
                get(|State(jobs): State<Jobs>, Ask(asked)| async move {
                    json(halt::list(&jobs, asked).await)
                })
            },
        },
        Route {
            method: Method::POST,
            path: "/halt/release",
            summary: "Lets go what the safety halt holds",
            asked: Asked::Body(schema::<halt::ReleaseAsked>),
            answer: schema::<halt::Released>,
            handler: || {
                post(|State(jobs): State<Jobs>, Body(asked)| async move {
                    json(halt::release(&jobs, asked).await)
                })
            },
        },
        Route {
            method: Method::POST,
            path: "/sweep",
            summary: "Makes a round over both sides at once",
            asked: Asked::Body(schema::<sweep::SweepAsked>),
            answer: schema::<sweep::Sweeps>,
            handler: || {
                post(|State(jobs): State<Jobs>, Body(asked)| async move {
                    json(sweep::sweep(&jobs, asked).await)
                })
            },
        },
    ]
}

/// What this process works by.
fn of_bridges() -> Route {
    Route {
        method: Method::GET,
        path: "/bridges",
        summary: "Tells of each bridge the profile that it was loaded with, and when each side's webhooks last came",
        asked: Asked::Nothing,
        answer: schema::<bridges::Bridges>,
        handler: || get(|State(jobs): State<Jobs>| async move { json(bridges::list(&jobs).await) }),
    }
}

/// The signing secret. Only a daemon holds webhooks back, so only a daemon exchanges it here.
fn of_secrets() -> Route {
    Route {
        method: Method::POST,
        path: "/setup/rotate-secret",
        summary: "Has Jelou make a new signing secret and brings it into force, with no webhook lost; it is not told",
        asked: Asked::Body(schema::<RotateAsked>),
        answer: schema::<Rotated>,
        handler: || {
            post(
                |rotator: Option<Extension<Rotator>>, Body(asked)| async move {
                    let Some(Extension(rotator)) = rotator else {
                        return Err(ApiError::conflict("no daemon runs here", "start one"));
                    };
                    json(rotator.rotate(asked).await)
                },
            )
        },
    }
}

fn json<T>(done: Result<T, ApiError>) -> Answered<T> {
    done.map(Json)
}
