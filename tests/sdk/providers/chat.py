"""Chat Completions, as a provider reads and writes it."""

import json

from scenarios import Answer, Error, Usage, without_titles

DIALECT = "chat"
CREATED = 1_790_000_000
FINISH = {"stop": "stop", "length": "length", "calls": "tool_calls"}


def read(body: dict) -> dict:
    system, items = [], []
    for message in body["messages"]:
        match message["role"]:
            case "system" | "developer":
                system.append(_text(message["content"]))
            case "user":
                items += _parts(message["content"])
            case "assistant":
                items += [("assistant", _text(message["content"]))] if message.get("content") else []
                items += [_call(call) for call in message.get("tool_calls") or []]
            case "tool":
                items.append(("result", message["tool_call_id"], _text(message["content"])))
    limits = [body[name] for name in ("max_tokens", "max_completion_tokens") if name in body]
    # A stream without usage leaves the gateway blind: it must have asked for it.
    stream = body.get("stream", False)
    asked = stream and body.get("stream_options") == {"include_usage": True}
    tools = [tool["function"] for tool in body.get("tools", [])]
    format = body.get("response_format") or {}
    return {
        "stream": stream if asked == stream else f"stream_options is {body.get('stream_options')}",
        "system": "\n".join(system),
        "items": items,
        "tools": [(tool["name"], tool.get("description"), tool["parameters"], tool.get("strict")) for tool in tools],
        "choice": body.get("tool_choice"),
        "parallel": body.get("parallel_tool_calls"),
        "schema": without_titles(format["json_schema"]["schema"]) if format else None,
        "temperature": body.get("temperature"),
        "max_tokens": limits[0] if len(limits) == 1 else limits,
    }


def _text(content) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _parts(content) -> list:
    if isinstance(content, str):
        return [("user", content)]
    return [
        ("user", part["text"]) if part["type"] == "text" else ("image", part["image_url"]["url"]) for part in content
    ]


def _call(call: dict) -> tuple:
    return "call", call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])


def usage_value(usage: Usage) -> dict:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.written},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def whole(answer: Answer, model: str, usage: Usage) -> dict:
    calls = [_call_value(call, json.dumps(call.arguments)) for call in answer.calls]
    message = {"role": "assistant", "content": answer.text or None, "refusal": None}
    message |= {"reasoning_content": answer.thinking} if answer.thinking else {}
    message |= {"tool_calls": calls} if calls else {}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[answer.finish]}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": CREATED, "model": model}
    return head | {"choices": [choice], "usage": usage_value(usage)}


def _call_value(call, arguments: str) -> dict:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def events(answer: Answer, model: str, usage: Usage):
    def chunk(delta: dict, finish: str | None = None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return None, head | {"choices": [choice], "usage": None}

    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": model}
    yield chunk({"role": "assistant", "content": "", "refusal": None})
    if answer.thinking:
        for piece in (answer.thinking[:7], answer.thinking[7:]):
            yield chunk({"reasoning_content": piece})
    for piece in answer.pieces:
        yield chunk({"content": piece})
    if answer.cut:
        return
    if answer.error:
        yield None, error(answer.error)
        return
    for bit in _call_bits(answer):
        yield chunk({"tool_calls": [bit]})
    yield chunk({}, FINISH[answer.finish])
    yield None, head | {"choices": [], "usage": usage_value(usage)}
    yield None, "[DONE]"


def _call_bits(answer: Answer) -> list[dict]:
    bits = []
    for index, call in enumerate(answer.calls):
        arguments = json.dumps(call.arguments)
        bits.append({"index": index} | _call_value(call, ""))
        bits += [{"index": index, "function": {"arguments": part}} for part in (arguments[:5], arguments[5:])]
    # All first bits, then all second ones, and so on.
    return [bit for turn in range(3) for bit in bits[turn::3]] if answer.in_turn else bits


def error(error: Error) -> dict:
    fields = {"message": error.message, "type": error.openai_type, "param": None, "code": error.openai_code}
    return {"error": fields}
