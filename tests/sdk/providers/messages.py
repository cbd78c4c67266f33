"""Anthropic's Messages, as a provider reads and writes it."""

import json

from scenarios import Answer, Error, Usage, without_titles

DIALECT = "messages"
SIGNATURE = "c2lnbmVk"
FINISH = {"stop": "end_turn", "length": "max_tokens", "calls": "tool_use"}


def read(body: dict) -> dict:
    items = []
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        items += [_item(message["role"], block) for block in blocks]
    choice = body.get("tool_choice", {})
    format = (body.get("output_config") or {}).get("format")
    return {
        "stream": body.get("stream", False),
        "system": _text(body.get("system", "")),
        "items": items,
        "tools": [
            (tool["name"], tool.get("description"), tool["input_schema"], tool.get("strict"))
            for tool in body.get("tools", [])
        ],
        "choice": {"any": "required"}.get(choice.get("type"), choice.get("type")),
        "parallel": not choice["disable_parallel_tool_use"] if "disable_parallel_tool_use" in choice else None,
        "schema": without_titles(format["schema"]) if format else None,
        "temperature": body.get("temperature"),
        "max_tokens": body.get("max_tokens"),
    }


def _text(content) -> str:
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


def _item(role: str, block: dict) -> tuple:
    match block["type"]:
        case "text":
            return role, block["text"]
        case "image":
            source = block["source"]
            if source["type"] == "url":
                return "image", source["url"]
            return "image", f"data:{source['media_type']};base64,{source['data']}"
        case "tool_use":
            return "call", block["id"], block["name"], block["input"]
        case "tool_result":
            text = _text(block.get("content", ""))
            return "result", block["tool_use_id"], f"an error: {text}" if block.get("is_error") else text
        case other:
            return other, block


def usage_value(usage: Usage) -> dict:
    return {
        "input_tokens": usage.fresh,
        "cache_read_input_tokens": usage.cached,
        "cache_creation_input_tokens": usage.written,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }


def _head(model: str, content: list, stop_reason: str | None, usage: dict) -> dict:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content}
    return head | {"stop_reason": stop_reason, "stop_sequence": None, "usage": usage}


def whole(answer: Answer, model: str, usage: Usage) -> dict:
    thinking = [{"type": "thinking", "thinking": answer.thinking, "signature": SIGNATURE}] if answer.thinking else []
    text = [{"type": "text", "text": answer.text}] if answer.text else []
    content = thinking + text + [_call(call, call.arguments) for call in answer.calls]
    return _head(model, content, FINISH[answer.finish], usage_value(usage))


def _call(call, arguments: dict) -> dict:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}


def broken_usage(usage: Usage) -> Usage:
    """What was told of usage when a stream breaks: its input, and a first token."""
    return Usage(usage.input, usage.cached, usage.written, output=1)


def events(answer: Answer, model: str, usage: Usage):
    def event(kind: str, **fields):
        return kind, {"type": kind, **fields}

    def delta(index: int, kind: str, field: str, text: str):
        return event("content_block_delta", index=index, delta={"type": kind, field: text})

    begun = usage_value(broken_usage(usage)) | {"output_tokens_details": {"thinking_tokens": 0}}
    yield event("message_start", message=_head(model, [], None, begun))
    yield event("ping")
    index = 0
    if answer.thinking:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        yield event("content_block_start", index=index, content_block=block)
        for piece in (answer.thinking[:7], answer.thinking[7:]):
            yield delta(index, "thinking_delta", "thinking", piece)
        yield delta(index, "signature_delta", "signature", SIGNATURE)
        yield event("content_block_stop", index=index)
        index += 1
    if answer.pieces:
        yield event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        for piece in answer.pieces:
            yield delta(index, "text_delta", "text", piece)
        if answer.cut:
            return
        if answer.error:
            yield "error", error(answer.error)
            return
        yield event("content_block_stop", index=index)
        index += 1
    for call in answer.calls:
        yield event("content_block_start", index=index, content_block=_call(call, {}))
        # Anthropic leaves out arguments that are none.
        arguments = json.dumps(call.arguments) if call.arguments else ""
        for fragment in ("", arguments[:5], arguments[5:]) if arguments else ("",):
            yield delta(index, "input_json_delta", "partial_json", fragment)
        yield event("content_block_stop", index=index)
        index += 1
    stop = {"stop_reason": FINISH[answer.finish], "stop_sequence": None}
    yield event("message_delta", delta=stop, usage=usage_value(usage))
    yield event("message_stop")


def error(error: Error) -> dict:
    return {"type": "error", "error": {"type": error.anthropic_type, "message": error.message}, "request_id": "req_1"}
