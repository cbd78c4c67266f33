//! `/events`: what happens, as it happens.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use futures::StreamExt;
use futures::stream::unfold;
use mux::config::Name;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use utoipa::{IntoParams, ToSchema};

use super::audit::ChangeDoc;
use super::extract::Params;
use super::problem::Problem;
use super::{Rest, time};
use crate::domain::audit::Entry;
use crate::domain::event::{Event, RequestSeen};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventParams {
    /// Only what is about this workspace.
    #[param(value_type = Option<String>)]
    workspace: Option<Name>,
}

/// A request in short.
#[derive(Serialize, ToSchema)]
pub(super) struct RequestSeenDoc {
    id: String,
    started_at: String,
    workspace: String,
    /// Null: the workspace was chosen without a session.
    session: Option<String>,
    /// Null: no rule decided.
    rule: Option<String>,
    /// `provider/model-id` of the last try, or of the one that a kept answer saved; null: there was none.
    target: Option<String>,
    /// 0: the client hung up before any.
    status: u32,
    duration_ms: u32,
}

/// Events that one who reads slowly did not get.
#[derive(Serialize, ToSchema)]
struct LaggedDoc {
    missed: u64,
}

impl From<&RequestSeen> for RequestSeenDoc {
    fn from(seen: &RequestSeen) -> Self {
        let RequestSeen { id, started_at_ms, workspace, session, rule, target, status, duration_ms } = seen.clone();
        let given = |text: String| (!text.is_empty()).then_some(text);
        Self {
            id,
            started_at: time::write(started_at_ms.try_into().unwrap_or(i64::MAX)),
            workspace,
            session: given(session),
            rule: given(rule),
            target,
            status,
            duration_ms,
        }
    }
}

/// Follows what is committed from now on, as server-sent events: `change` as `/audit` has it, `request` for each request
/// that was reported, `lagged` if events were lost because they were read too slowly.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "followEvents",
    tag = "system",
    params(EventParams),
    responses((status = 200, content_type = "text/event-stream", body = String)),
)]
pub(super) async fn follow(
    State(rest): State<Rest>,
    Params(EventParams { workspace }): Params<EventParams>,
) -> Result<impl IntoResponse, Problem> {
    if let Some(name) = &workspace {
        rest.app.store.workspace(name).await?;
    }
    let publisher = Arc::clone(&rest.app.publisher);
    let closed = async move { publisher.closed().await };
    let received = unfold(rest.app.store.events(), |mut events| async move {
        match events.recv().await {
            Ok(event) => Some((Ok(event), events)),
            Err(RecvError::Lagged(missed)) => Some((Err(LaggedDoc { missed }), events)),
            Err(RecvError::Closed) => None,
        }
    });
    let concerns = move |event: &Event| workspace.as_ref().is_none_or(|name| event.concerns(name));
    let messages = received.filter_map(move |received| {
        let message = match received {
            Ok(event) if concerns(&event) => Some(message(&event)),
            Ok(_) => None,
            Err(lagged) => Some(Message::default().event("lagged").json_data(lagged)),
        };
        ready(message.and_then(sent))
    });
    Ok(Sse::new(messages.take_until(closed)).keep_alive(KeepAlive::default()))
}

fn message(event: &Event) -> Result<Message, axum::Error> {
    match event {
        Event::Change(entry) => {
            let Entry { revision, number, .. } = entry.as_ref();
            let message = Message::default().event("change").id(format!("{revision}.{number}"));
            message.json_data(ChangeDoc::from(entry.as_ref().clone()))
        }
        Event::Request(seen) => {
            Message::default().event("request").id(seen.id.clone()).json_data(RequestSeenDoc::from(seen.as_ref()))
        }
    }
}

/// A document of names, texts and numbers is always JSON.
fn sent(message: Result<Message, axum::Error>) -> Option<Result<Message, Infallible>> {
    message.inspect_err(|error| tracing::error!(%error, "an event could not be written")).ok().map(Ok)
}
