//! shim until the merge
mod chat;
mod fence;
mod files;
pub mod language;
mod path;
use crate::config::RequestKind;
use crate::endpoint::Endpoint;
use crate::json::Span;
pub use chat::{ReadError, StreamOptions};
pub const FILES_MAX: usize = 16_384;
pub const PATH_BYTES_MAX: usize = 1_024;
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub files: bool,
    pub mentions: bool,
    pub images: bool,
    pub tokens: bool,
    pub turns: bool,
}
impl Needs {
    pub const ALL: Self = Self { files: true, mentions: true, images: true, tokens: true, turns: true };
}
#[derive(Debug)]
pub struct Prompt<'a> {
    pub body: &'a [u8],
    pub object: Span,
    pub kind: RequestKind,
    pub model: Option<Span>,
    pub stream: bool,
    pub stream_options: Option<StreamOptions>,
    pub system: Option<Slot>,
    pub has_tools: bool,
    pub thinking: bool,
    chat: chat::Chat<'a>,
}
#[derive(Clone, Debug)]
pub struct Slot {
    pub span: Span,
    pub before: &'static str,
    pub after: &'static str,
    pub is_followed: bool,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Block,
    ToolCall,
    Mention,
}
impl Source {
    pub fn as_str(self) -> &'static str {
        "block"
    }
}
pub struct Sight<'a> {
    pub path: &'a str,
    pub source: Source,
    pub message: usize,
}
pub fn read(_: Endpoint, body: &[u8], needs: Needs) -> Result<Prompt<'_>, ReadError> {
    let mut chat = chat::read(body, if needs.files { chat::Needs::Files } else { chat::Needs::Nothing })?;
    Ok(Prompt {
        body,
        object: chat.object.clone(),
        kind: RequestKind::Chat,
        model: chat.model.clone(),
        stream: chat.stream,
        stream_options: chat.stream_options.take(),
        system: None,
        has_tools: false,
        thinking: false,
        chat,
    })
}
impl Prompt<'_> {
    pub fn has_images(&self, _: Option<usize>) -> bool {
        false
    }
    pub fn estimated_tokens(&self, _: Option<usize>) -> u64 {
        0
    }
    pub fn last_user_turn(&self) -> Option<usize> {
        None
    }
    pub fn turn_of(&self, _: usize) -> usize {
        0
    }
}
pub fn sights(prompt: &Prompt, mut found: impl FnMut(Sight)) {
    files::files(&prompt.chat, |file| {
        found(Sight {
            path: file.path,
            source: match file.source {
                files::Source::Block => Source::Block,
                files::Source::ToolCall => Source::ToolCall,
            },
            message: file.message,
        })
    });
}
