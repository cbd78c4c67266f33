//! Images and documents: from URLs and base64 to where their bytes are, and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Untranslatable;
use super::fields::At;
use super::model::{Document, Source};

impl Source {
    /// An `http` URL, or a `data:` URL with base64.
    pub fn from_url(url: String, at: &At<'_>) -> Result<Self, Untranslatable> {
        let Some(rest) = url.strip_prefix("data:") else { return Ok(Self::Url(url)) };
        let Some((head, data)) = rest.split_once(',') else {
            return Err(at.untranslatable("is a data URL without a comma; write data:<media type>;base64,<data>"));
        };
        let Some(head) = head.strip_suffix(";base64") else {
            return Err(at.untranslatable("is a data URL without base64; write data:<media type>;base64,<data>"));
        };
        // Parameters, as in `text/plain;charset=utf-8`, have no place in a media type field.
        let media_type = head.split(';').next().unwrap_or_default().to_owned();
        Ok(Self::Base64 { media_type, data: data.to_owned() })
    }

    /// `at` is the place of the media type, which must fit into a data URL.
    pub fn from_base64(media_type: String, data: String, at: &At<'_>) -> Result<Self, Untranslatable> {
        if media_type.contains(',') {
            return Err(at.untranslatable("must be a media type, like image/png"));
        }
        Ok(Self::Base64 { media_type, data })
    }

    /// OpenAI's `file_data`: a data URL, or bare base64 of what the file's name tells.
    pub fn from_file_data(data: String, name: Option<&str>, at: &At<'_>) -> Result<Self, Untranslatable> {
        if data.starts_with("data:") {
            return Self::from_url(data, at);
        }
        let is_text = name.is_some_and(|name| name.ends_with(".txt") || name.ends_with(".md"));
        let media_type = if is_text { "text/plain" } else { "application/pdf" };
        Ok(Self::Base64 { media_type: media_type.to_owned(), data })
    }

    /// As one URL; text becomes a data URL.
    pub fn to_url(&self) -> String {
        match self {
            Self::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
            Self::Url(url) => url.clone(),
            Self::Text(text) => format!("data:text/plain;base64,{}", STANDARD.encode(text)),
        }
    }
}

impl Document {
    /// The document's text, if it is plain text and at hand.
    pub fn plain_text(&self) -> Option<String> {
        match &self.source {
            Source::Text(text) => Some(text.clone()),
            Source::Base64 { media_type, data } if media_type.starts_with("text/") => {
                String::from_utf8(STANDARD.decode(data).ok()?).ok()
            }
            Source::Base64 { .. } | Source::Url(_) => None,
        }
    }
}
