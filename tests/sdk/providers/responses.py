"""OpenAI's Responses, as a provider reads and writes it."""

import json

from scenarios import Answer, Error, Usage, without_titles

DIALECT = "responses"
CREATED = 1_790_000_000


def read(body: dict) -> dict:
    given = body["input"]
    items = [("user", given)] if isinstance(given, str) else [read for item in given for read in _items(item)]
    format = (body.get("text") or {}).get("format")
    return {
        "stream": body.get("stream", False),
        "system": body.get("instructions"),
        "items": items,
        "tools": [
            (tool["name"], tool.get("description"), tool["parameters"], tool.get("strict"))
            for tool in body.get("tools", [])
        ],
        "choice": body.get("tool_choice"),
        "parallel": body.get("parallel_tool_calls"),
        "schema": without_titles(format["schema"]) if format else None,
        "temperature": body.get("temperature"),
        "max_tokens": body.get("max_output_tokens"),
    }


def _items(item: dict) -> list:
    match item.get("type", "message"):
        case "message":
            content = item["content"]
            if isinstance(content, str):
                return [(item["role"], content)]
            return [
                ("image", part["image_url"]) if part["type"] == "input_image" else (item["role"], part["text"])
                for part in content
            ]
        case "function_call":
            return [("call", item["call_id"], item["name"], json.loads(item["arguments"]))]
        case "function_call_output":
            output = item["output"]
            return [("result", item["call_id"], output if isinstance(output, str) else output[0]["text"])]
        case other:
            return [(other, item)]


def usage_value(usage: Usage) -> dict:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.written},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def _response(model: str, status: str, output: list, usage: Usage | None, **more) -> dict:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage_value(usage) if usage else None,
    } | more


def _message(text: str | None, status: str) -> dict:
    content = [] if text is None else [_part(text)]
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content}


def _part(text: str) -> dict:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call(call, arguments: str, status: str) -> dict:
    item = {"id": f"fc_{call.id}", "type": "function_call", "status": status}
    return item | {"call_id": call.id, "name": call.name, "arguments": arguments}


def _whole_output(answer: Answer) -> tuple[str, list, dict]:
    cut = answer.finish == "length"
    status = "incomplete" if cut else "completed"
    more = {"incomplete_details": {"reason": "max_output_tokens"}} if cut else {}
    calls = [_call(call, json.dumps(call.arguments), "completed") for call in answer.calls]
    said = [_message(answer.text, status)] if answer.text else []
    thought = [_reasoning(answer.thinking)] if answer.thinking else []
    return status, thought + said + calls, more


def _reasoning(text: str) -> dict:
    return {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": text}] if text else []}


def whole(answer: Answer, model: str, usage: Usage) -> dict:
    status, output, more = _whole_output(answer)
    return _response(model, status, output, usage, **more)


def events(answer: Answer, model: str, usage: Usage):
    for number, (kind, fields) in enumerate(_events(answer, model, usage)):
        yield kind, {"type": kind, "sequence_number": number, **fields}


def _events(answer: Answer, model: str, usage: Usage):
    begun = _response(model, "in_progress", [], None)
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    status, output, more = _whole_output(answer)
    index = 0
    if answer.thinking:
        yield from _reasoning_events(answer.thinking)
        index += 1
    if answer.pieces:
        yield from _message_events(answer, index, output[index])
        index += 1
    if answer.cut:
        return
    if answer.error:
        failure = {"code": answer.error.openai_code, "message": answer.error.message}
        yield "response.failed", {"response": _response(model, "failed", [], None, error=failure)}
        return
    calls = [_call_events(index, call) for index, call in enumerate(answer.calls, start=index)]
    in_turn = [event for turn in zip(*calls, strict=True) for event in turn]
    yield from in_turn if answer.in_turn else [event for events in calls for event in events]
    yield f"response.{status}", {"response": _response(model, status, output, usage, **more)}


def _call_events(index: int, call) -> list:
    at = {"item_id": f"fc_{call.id}", "output_index": index}
    arguments = json.dumps(call.arguments)
    return [
        ("response.output_item.added", {"output_index": index, "item": _call(call, "", "in_progress")}),
        ("response.function_call_arguments.delta", at | {"delta": arguments[:5]}),
        ("response.function_call_arguments.delta", at | {"delta": arguments[5:]}),
        ("response.function_call_arguments.done", at | {"name": call.name, "arguments": arguments}),
        ("response.output_item.done", {"output_index": index, "item": _call(call, arguments, "completed")}),
    ]


def _reasoning_events(text: str):
    yield "response.output_item.added", {"output_index": 0, "item": _reasoning("")}
    at = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
    yield "response.reasoning_summary_part.added", at | {"part": {"type": "summary_text", "text": ""}}
    for piece in (text[:7], text[7:]):
        yield "response.reasoning_summary_text.delta", at | {"delta": piece}
    yield "response.reasoning_summary_text.done", at | {"text": text}
    yield "response.reasoning_summary_part.done", at | {"part": {"type": "summary_text", "text": text}}
    yield "response.output_item.done", {"output_index": 0, "item": _reasoning(text)}


def _message_events(answer: Answer, index: int, item: dict):
    yield "response.output_item.added", {"output_index": index, "item": _message(None, "in_progress")}
    at = {"item_id": "msg_1", "output_index": index, "content_index": 0}
    yield "response.content_part.added", at | {"part": _part("")}
    for piece in answer.pieces:
        yield "response.output_text.delta", at | {"delta": piece, "logprobs": []}
    if answer.error or answer.cut:
        return
    yield "response.output_text.done", at | {"text": answer.text, "logprobs": []}
    yield "response.content_part.done", at | {"part": _part(answer.text)}
    yield "response.output_item.done", {"output_index": index, "item": item}


def error(error: Error) -> dict:
    fields = {"message": error.message, "type": error.openai_type, "param": None, "code": error.openai_code}
    return {"error": fields}
