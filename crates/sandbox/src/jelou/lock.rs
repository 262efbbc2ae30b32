//! Who gets in where. Neighbour: api, which asks.
//!
//! The pages show five ways: a key or Basic at the gateway, Basic at the API, the bare pair at the
//! report, a signature alone for agents' messages, and the key for user memory.

use super::{options::ReportTakes, route::Route, world::World};
use crate::{
    hooks::sign,
    stage::{Answer, Asked},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

/// Why a caller does not get in; `None`: it does.
pub(super) fn refused(world: &World, secret: &str, route: &Route, asked: &Asked) -> Option<Answer> {
    let key = asked.header("x-api-key");
    let authorization = asked.header("authorization");
    let pair = format!(
        "{}:{}",
        world.options.client_id, world.options.client_secret
    );
    let key_ok = key == Some(world.options.api_key.as_str());
    let basic_ok = authorization == Some(format!("Basic {}", STANDARD.encode(&pair)).as_str());
    let let_in = match route {
        Route::Start { .. }
        | Route::Close { .. }
        | Route::Conversation { .. }
        | Route::CreateIntegration { .. }
        | Route::Integration { .. }
        | Route::UpdateIntegration { .. }
        | Route::RemoveIntegration { .. }
        | Route::RotateSecret { .. } => key_ok || basic_ok,
        Route::ReadCache { .. }
        | Route::WriteCache { .. }
        | Route::BotMessage { .. }
        | Route::Template { .. }
        | Route::History { .. }
        | Route::UserState { .. }
        | Route::SetUserState => basic_ok,
        Route::Report => {
            let raw_ok = authorization == Some(pair.as_str());
            match world.options.report_takes {
                ReportTakes::Either => basic_ok || raw_ok,
                ReportTakes::Basic => basic_ok,
                ReportTakes::Raw => raw_ok,
            }
        }
        Route::SetMemory => key_ok,
        Route::AgentMessage => return unsigned(world, secret, asked),
        Route::Unknown => true,
    };
    // Nothing says what Jelou makes of two credentials; here it is an error, so that it is found.
    let both = key.is_some() && authorization.is_some();
    (!let_in || both).then(|| Answer::new(401, json!({"message": "Authentication failed"})))
}

/// The signature is over the bytes that came, and any other credential is one too many.
fn unsigned(world: &World, secret: &str, asked: &Asked) -> Option<Answer> {
    let signed = asked.header("x-jelou-signature") == Some(sign(secret, &asked.body).as_str());
    let bare = asked.header("x-api-key").is_none() && asked.header("authorization").is_none();
    (!signed || !bare).then(|| {
        Answer::new(
            world.options.bad_signature,
            json!({"message": "Authentication failed"}),
        )
    })
}
