//! Lists in pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use crate::store::{Listed, PAGE_MAX, Page};

const PAGE_DEFAULT: u32 = 50;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// Items of one page, 1 to 500; 50 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct PageDoc<T> {
    items: Vec<T>,
    /// Null: this is the last page.
    next_cursor: Option<String>,
}

impl<T> PageDoc<T> {
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }

    pub(super) fn from_listed<D>(listed: Listed<D>, write: impl FnMut(D) -> T) -> Self {
        let Listed { items, next } = listed;
        Self {
            items: items.into_iter().map(write).collect(),
            next_cursor: next.map(|next| URL_SAFE_NO_PAD.encode(next)),
        }
    }
}

pub(super) fn page(limit: Option<u32>, cursor: Option<&str>) -> Result<Page, Problem> {
    let limit = limit.unwrap_or(PAGE_DEFAULT);
    if limit == 0 || limit > PAGE_MAX {
        return Err(Problem::invalid_query(format!("`limit` is a number from 1 to {PAGE_MAX}")));
    }
    let after = cursor
        .map(|cursor| URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok()))
        .map(|decoded| {
            decoded.ok_or_else(|| Problem::invalid_query("`cursor` is the `next_cursor` of an earlier page"))
        })
        .transpose()?;
    Ok(Page { after, limit })
}

impl PageParams {
    pub(super) fn page(&self) -> Result<Page, Problem> {
        let Self { limit, cursor } = self;
        page(*limit, cursor.as_deref())
    }
}
