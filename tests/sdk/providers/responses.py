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
    return status, said + calls, more


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
    if answer.pieces:
        yield from _message_events(answer, output[0])
    if answer.error:
        failure = {"code": answer.error.openai_code, "message": answer.error.message}
        yield "response.failed", {"response": _response(model, "failed", [], None, error=failure)}
        return
    for index, call in enumerate(answer.calls, start=int(bool(answer.pieces))):
        yield "response.output_item.added", {"output_index": index, "item": _call(call, "", "in_progress")}
        at = {"item_id": f"fc_{call.id}", "output_index": index}
        arguments = json.dumps(call.arguments)
        for fragment in (arguments[:5], arguments[5:]):
            yield "response.function_call_arguments.delta", at | {"delta": fragment}
        yield "response.function_call_arguments.done", at | {"name": call.name, "arguments": arguments}
        yield "response.output_item.done", {"output_index": index, "item": output[index]}
    yield f"response.{status}", {"response": _response(model, status, output, usage, **more)}


def _message_events(answer: Answer, item: dict):
    yield "response.output_item.added", {"output_index": 0, "item": _message(None, "in_progress")}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    yield "response.content_part.added", at | {"part": _part("")}
    for piece in answer.pieces:
        yield "response.output_text.delta", at | {"delta": piece, "logprobs": []}
    if answer.error:
        return
    yield "response.output_text.done", at | {"text": answer.text, "logprobs": []}
    yield "response.content_part.done", at | {"part": _part(answer.text)}
    yield "response.output_item.done", {"output_index": 0, "item": item}


def error(error: Error) -> dict:
    fields = {"message": error.message, "type": error.openai_type, "param": None, "code": error.openai_code}
    return {"error": fields}
