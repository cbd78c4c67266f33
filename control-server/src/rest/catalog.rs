//! `/models`: the models of all providers, and what people know better about them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use mux::config::Name;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Body, Params, PathModel, given};
use super::page::{PageDoc, page};
use super::problem::Problem;
use super::written::{WriteParams, Written};
use super::{Rest, time};
use crate::domain::error::FieldError;
use crate::domain::model::{Capabilities, Capability, Facts, ListedModel, OverridesPatch};
use crate::domain::price::{PRICE_MAX, Price};

#[derive(Serialize, ToSchema)]
pub(super) struct ModelDoc {
    id: String,
    provider: String,
    /// Tokens of the longest prompt; not there: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_tokens: Option<u64>,
    /// Not there: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<Vec<CapabilityDoc>>,
    /// Not there: not known, and so is the cost of requests to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<PriceDoc>,
    /// Which of `capabilities` and `price` were set by hand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overridden: Vec<OverridableDoc>,
    /// True: the provider no longer lists it, but a rule or a workspace uses it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    missing: bool,
    /// When the provider last listed it.
    listed_at: String,
}

#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum CapabilityDoc {
    /// It calls tools.
    Tools,
    /// It sees images.
    Vision,
    /// It thinks before it answers.
    Reasoning,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum OverridableDoc {
    Capabilities,
    Price,
}

/// Micro-dollars per million tokens: 3 dollars per million tokens are 3000000.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PriceDoc {
    #[schema(minimum = 0)]
    input_micro_usd_per_mtok: i64,
    /// Input that was read from the provider's cache; unless given: as other input.
    #[schema(minimum = 0)]
    cached_input_micro_usd_per_mtok: Option<i64>,
    /// Input that was written to the provider's cache; unless given: as other input.
    #[schema(minimum = 0)]
    cache_write_micro_usd_per_mtok: Option<i64>,
    #[schema(minimum = 0)]
    output_micro_usd_per_mtok: i64,
}

/// What is not given stays; null: what the provider or the list of well-known models says holds again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelPatchDoc {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<CapabilityDoc>>)]
    capabilities: Option<Option<Vec<CapabilityDoc>>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<PriceDoc>)]
    price: Option<Option<PriceDoc>>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Items of one page, 1 to 500; 50 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Of this provider alone.
    #[param(value_type = Option<String>)]
    provider: Option<Name>,
}

impl From<Capability> for CapabilityDoc {
    fn from(capability: Capability) -> Self {
        match capability {
            Capability::Tools => Self::Tools,
            Capability::Vision => Self::Vision,
            Capability::Reasoning => Self::Reasoning,
        }
    }
}

impl From<CapabilityDoc> for Capability {
    fn from(capability: CapabilityDoc) -> Self {
        match capability {
            CapabilityDoc::Tools => Self::Tools,
            CapabilityDoc::Vision => Self::Vision,
            CapabilityDoc::Reasoning => Self::Reasoning,
        }
    }
}

impl From<Price> for PriceDoc {
    fn from(price: Price) -> Self {
        Self {
            input_micro_usd_per_mtok: price.input(),
            cached_input_micro_usd_per_mtok: Some(price.cached_input()),
            cache_write_micro_usd_per_mtok: Some(price.cache_write()),
            output_micro_usd_per_mtok: price.output(),
        }
    }
}

impl From<ListedModel> for ModelDoc {
    fn from(model: ListedModel) -> Self {
        let ListedModel { provider, id, missing, listed_at_ms, facts, overrides } = model;
        let Facts { context_tokens, capabilities, price } = facts;
        let overridden = overrides.capabilities.map(|_| OverridableDoc::Capabilities).into_iter();
        Self {
            id,
            provider: provider.to_string(),
            context_tokens,
            capabilities: capabilities.map(|capabilities| capabilities.into_iter().map(Into::into).collect()),
            price: price.map(Into::into),
            overridden: overridden.chain(overrides.price.map(|_| OverridableDoc::Price)).collect(),
            missing,
            listed_at: time::write(listed_at_ms),
        }
    }
}

fn read_price(doc: &PriceDoc) -> Result<Price, FieldError> {
    let PriceDoc {
        input_micro_usd_per_mtok: input,
        cached_input_micro_usd_per_mtok: cached_input,
        cache_write_micro_usd_per_mtok: cache_write,
        output_micro_usd_per_mtok: output,
    } = doc;
    let message = || format!("prices are from 0 to {PRICE_MAX} micro-dollars per million tokens");
    Price::new(*input, *cached_input, *cache_write, *output).ok_or_else(|| FieldError::new("/price", message()))
}

fn read_patch(doc: ModelPatchDoc) -> Result<OverridesPatch, FieldError> {
    let ModelPatchDoc { capabilities, price } = doc;
    let capabilities =
        capabilities.map(|given| given.map(|list| list.into_iter().map(Into::into).collect::<Capabilities>()));
    let price = price.map(|given| given.as_ref().map(read_price).transpose()).transpose()?;
    Ok(OverridesPatch { capabilities, price })
}

/// Lists the models of all providers, by provider and id.
#[utoipa::path(
    get,
    path = "/models",
    operation_id = "listModels",
    tag = "models",
    params(ListParams),
    responses((status = 200, body = PageDoc<ModelDoc>)),
)]
pub(super) async fn list(
    State(rest): State<Rest>,
    Params(params): Params<ListParams>,
) -> Result<Json<PageDoc<ModelDoc>>, Problem> {
    let ListParams { limit, cursor, provider } = params;
    let listed = rest.app.store.models(provider.as_ref(), &page(limit, cursor.as_deref())?).await?;
    Ok(Json(PageDoc::from_listed(listed, ModelDoc::from)))
}

/// Shows one model. Its id may hold slashes.
#[utoipa::path(
    get,
    path = "/models/{provider}/{*id}",
    operation_id = "getModel",
    tag = "models",
    params(("provider" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = ModelDoc)),
)]
pub(super) async fn get(
    State(rest): State<Rest>,
    PathModel(provider, id): PathModel,
) -> Result<Json<ModelDoc>, Problem> {
    Ok(Json(rest.app.store.model(&provider, &id).await?.into()))
}

/// Sets or clears the price and the capabilities of a model. What it costs counts from the next request on.
#[utoipa::path(
    patch,
    path = "/models/{provider}/{*id}",
    operation_id = "patchModel",
    tag = "models",
    params(("provider" = String, Path), ("id" = String, Path), WriteParams),
    request_body = ModelPatchDoc,
    responses((status = 200, body = ModelDoc)),
)]
pub(super) async fn patch(
    State(rest): State<Rest>,
    PathModel(provider, id): PathModel,
    Params(params): Params<WriteParams>,
    Body(doc): Body<ModelPatchDoc>,
) -> Result<Response, Problem> {
    let patch = read_patch(doc).map_err(|error| Problem::invalid(vec![error]))?;
    let (model, revision) = rest.app.store.override_model(&provider, &id, &patch).await?;
    let resource = Some(ModelDoc::from(model));
    Ok(Written { status: StatusCode::OK, resource, revision, wait: params.wait }.answer(&rest).await)
}
