//! Content blocks, of requests and of answers.

use crate::dialect::Untranslatable;
use crate::dialect::fields::{At, Dropped, Fields};
use crate::dialect::model::{Cache, Document, Image, Part, Source, Text, Thought, ToolCall, ToolKind, ToolResult};
use crate::json::Value;

/// What a tool of the provider's own did; the text around tells what came of it.
const SEARCH_BLOCKS: [&str; 3] = ["server_tool_use", "web_search_tool_result", "web_fetch_tool_result"];

/// A string, or blocks.
pub fn read(content: Option<Value>, at: &At<'_>, dropped: &mut Dropped) -> Result<Vec<Part>, Untranslatable> {
    match content {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::text(text)]),
        Some(Value::Array(items)) => {
            let mut parts = Vec::with_capacity(items.len());
            for (index, value) in items.into_iter().enumerate() {
                parts.extend(read_block(Fields::new(at.index(index), value)?, dropped)?);
            }
            Ok(parts)
        }
        Some(_) => Err(at.untranslatable("must be a string or a list of blocks")),
    }
}

/// `None` for a block that is ignorable.
fn read_block(mut block: Fields<'_>, dropped: &mut Dropped) -> Result<Option<Part>, Untranslatable> {
    let at = block.at();
    let cache = block.take("cache_control");
    let kind = block.text("type")?;
    let part = match kind.as_str() {
        "text" => Part::Text(Text { text: block.needed("text")?, cache }),
        "thinking" => {
            let signature = block.string("signature")?.filter(|signature| !signature.is_empty());
            Part::Thinking(Thought { text: block.string("thinking")?.unwrap_or_default(), signature })
        }
        "redacted_thinking" => Part::RedactedThinking(block.text("data")?),
        "image" => read_image(&mut block, cache)?,
        "document" => read_document(&mut block, cache, dropped)?,
        "search_result" => read_search_result(&mut block, cache, dropped)?,
        "tool_use" => read_call(&mut block, cache)?,
        "tool_result" => {
            let content = read(block.take("content"), &at.name("content"), dropped)?;
            let is_error = block.bool("is_error")?.unwrap_or(false);
            Part::ToolResult(ToolResult { id: block.text("tool_use_id")?, content, is_error, cache })
        }
        "compaction" => Part::Text(Text { text: block.said("content")?.unwrap_or_default(), cache }),
        search if SEARCH_BLOCKS.contains(&search) => {
            dropped.add("server_tool_use");
            return Ok(None);
        }
        _ => {
            return Err(at.name("type").untranslatable("is a kind of content that only Anthropic knows; leave it out"));
        }
    };
    block.drop_rest(&["citations", "caller"], dropped);
    Ok(Some(part))
}

fn read_call(block: &mut Fields<'_>, cache: Option<Cache>) -> Result<Part, Untranslatable> {
    let arguments = block.take("input").map_or_else(|| "{}".to_owned(), |input| input.to_string());
    let (id, name) = (block.text("id")?, block.text("name")?);
    Ok(Part::ToolCall(ToolCall { id, name, kind: ToolKind::Function, arguments, cache }))
}

fn read_image(block: &mut Fields<'_>, cache: Option<Cache>) -> Result<Part, Untranslatable> {
    let outer = block.at();
    let at = outer.name("source");
    let mut source = Fields::new(at, block.take("source").unwrap_or_default())?;
    let source = read_source(&mut source)?;
    Ok(Part::Image(Image { source, detail: None, cache }))
}

fn read_document(block: &mut Fields<'_>, cache: Option<Cache>, dropped: &mut Dropped) -> Result<Part, Untranslatable> {
    let outer = block.at();
    let at = outer.name("source");
    let mut fields = Fields::new(at, block.take("source").unwrap_or_default())?;
    let source = if fields.peek_str("type") == "content" {
        let parts = read(fields.take("content"), &at.name("content"), dropped)?;
        let texts = parts.into_iter().map(|part| match part {
            Part::Text(text) => Ok(text.text.into_string()),
            _ => Err(at.name("content").untranslatable("must be text only for this target")),
        });
        Source::Text(texts.collect::<Result<Vec<_>, _>>()?.join("\n\n"))
    } else {
        read_source(&mut fields)?
    };
    let name = block.string("title")?;
    if let Some(context) = block.string("context")? {
        // Only plain text can take it in.
        let Source::Text(text) = source else {
            return Err(block
                .at()
                .name("context")
                .untranslatable("has no place at the target; say it in a text block"));
        };
        return Ok(Part::Document(Document { source: Source::Text(format!("{context}\n\n{text}")), name, cache }));
    }
    Ok(Part::Document(Document { source, name, cache }))
}

fn read_source(source: &mut Fields<'_>) -> Result<Source, Untranslatable> {
    let at = source.at();
    match source.text("type")?.as_str() {
        "base64" => Source::from_base64(source.text("media_type")?, source.text("data")?, &at.name("media_type")),
        "url" => Source::from_url(source.text("url")?, &at.name("url")),
        "text" => Ok(Source::Text(source.text("data")?)),
        "file" => {
            Err(at.name("file_id").untranslatable("refers to a file that is kept at Anthropic; send its content"))
        }
        _ => Err(at.name("type").untranslatable("must be base64, url or text")),
    }
}

/// A search result that the client brings: for others, a document.
fn read_search_result(
    block: &mut Fields<'_>,
    cache: Option<Cache>,
    dropped: &mut Dropped,
) -> Result<Part, Untranslatable> {
    let outer = block.at();
    let at = outer.name("content");
    let parts = read(block.take("content"), &at, dropped)?;
    let texts: Vec<String> = parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.text.into_string()),
            _ => None,
        })
        .collect();
    let (title, source) = (block.string("title")?.unwrap_or_default(), block.string("source")?.unwrap_or_default());
    let name = Some(format!("{title} ({source})"));
    Ok(Part::Document(Document { source: Source::Text(texts.join("\n\n")), name, cache }))
}
