"""Whether the providers' judgement can fail: requests that are right, and ones that are wrong in one point."""

import copy
import json
from collections.abc import Callable
from email.message import Message

from clients import chat, messages, responses
from judge import JUDGES
from providers.server import SPEAKERS, VERSIONS, Provider
from scenarios import CLIENT_KEY, STEPS, model_of

HI = {"role": "user", "content": "hi"}
GOOD = [
    ("/v1/chat/completions", {"model": "m", "messages": [HI]}),
    ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": [HI]}),
    ("/v1/messages/count_tokens", {"model": "m", "messages": [HI]}),
    ("/v1/responses", {"model": "m", "input": [HI]}),
]
TEXT_MISSPELT = {"role": "user", "content": [{"type": "text", "texte": "hi"}]}
BAD = [
    ("/v1/chat/completions", {"model": "m"}),
    ("/v1/chat/completions", {"model": "m", "messages": [HI], "max_output_tokens": 1}),
    ("/v1/chat/completions", {"model": "m", "messages": [TEXT_MISSPELT]}),
    ("/v1/chat/completions", {"model": "m", "messages": [{**HI, "cache_control": {"type": "ephemeral"}}]}),
    ("/v1/chat/completions", {"model": "m", "messages": [HI], "temperature": "0.5"}),
    ("/v1/chat/completions", {"model": "m", "messages": [HI], "tools": [{"type": "function", "name": "t"}]}),
    ("/v1/messages", {"model": "m", "messages": [HI]}),
    ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": [{"role": "tool", "content": "x"}]}),
    ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": [TEXT_MISSPELT]}),
    ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": [HI], "stream_options": {"include_usage": True}}),
    ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": [HI], "tools": [{"name": "t", "parameters": {}}]}),
    ("/v1/messages/count_tokens", {"model": "m", "messages": [HI], "max_tokens": 1}),
    ("/v1/responses", {"model": "m", "input": [HI], "messages": []}),
    ("/v1/responses", {"model": "m", "input": [{"type": "function_call", "name": "t", "arguments": "{}"}]}),
    ("/v1/responses", {"model": "m", "input": [HI], "response_format": {"type": "text"}}),
    ("/v1/responses", {"model": "m", "input": [HI], "max_output_tokens": "1"}),
]


def _remove(*path) -> Callable[[dict], None]:
    def edit(body: dict) -> None:
        for name in path[:-1]:
            body = body[name]
        del body[path[-1]]

    return edit


def _put(value, *path) -> Callable[[dict], None]:
    def edit(body: dict) -> None:
        for name in path[:-1]:
            body = body[name]
        body[path[-1]] = value

    return edit


# A dialect, a step, and what becomes of its right body.
SPOILT = [
    ("chat", "plain", _remove("messages", 0)),
    ("chat", "plain", _put(1, "max_completion_tokens")),
    ("chat", "plain", _put(1, "max_tokens")),
    ("chat", "plain", _put(True, "stream")),
    ("chat", "tools_1", _remove("tools", 1)),
    ("chat", "tools_1", _put("auto", "tool_choice")),
    ("chat", "tools_2", _put("{}", "messages", 2, "tool_calls", 0, "function", "arguments")),
    ("chat", "tools_2", _put("call_time_2", "messages", 3, "tool_call_id")),
    ("chat", "image_data", _put("data:image/png;base64,AAAA", "messages", 1, "content", 1, "image_url", "url")),
    ("chat", "schema", _remove("response_format", "json_schema", "schema", "required")),
    ("messages", "plain", _remove("system")),
    ("messages", "tools_2", _put(True, "messages", 2, "content", 0, "is_error")),
    ("messages", "tools_2", _remove("messages", 1, "content", 1)),
    ("messages", "image_data", _put("image/jpeg", "messages", 0, "content", 1, "source", "media_type")),
    ("messages", "schema", _remove("output_config")),
    ("responses", "plain", _put("another", "instructions")),
    ("responses", "tools_1", _put(False, "tools", 0, "strict")),
    ("responses", "tools_2", _put("call_x", "input", 2, "call_id")),
    ("responses", "image_url", _put("https://images.example/dog.png", "input", 0, "content", 0, "image_url")),
    ("responses", "schema", _remove("text")),
]
HEADERS_SPOILT = [
    ("authorization", f"Bearer {CLIENT_KEY}"),
    ("content-length", "1"),
    ("host", "api.example"),
    ("x-other", f"a {CLIENT_KEY}"),
    ("x-muxspace-cluster", "c"),
    ("x-envoy-max-retries", "1"),
    ("transfer-encoding", "chunked"),
]
CLIENTS = {client.DIALECT: client for client in (chat, messages, responses)}
PATHS = {speaker.DIALECT: path for path, speaker in SPEAKERS.items()}


def check() -> None:
    """A judge that lets everything pass, or nothing, proves nothing."""
    for path, body in GOOD:
        complaint = JUDGES[path].complaint(body)
        assert complaint is None, f"{path} refuses {body}: {complaint}"
    for path, body in BAD:
        assert JUDGES[path].complaint(body) is not None, f"{path} takes {body}"
    providers = {"chat": Provider("one", "openai"), "messages": Provider("two", "anthropic")}
    providers["responses"] = providers["chat"]
    for dialect, step, spoil in SPOILT:
        provider, body = providers[dialect], _body(dialect, step)
        found = _complaints(provider, dialect, body)
        assert not found, f"a right request of {dialect}, {step}, is refused: {found}"
        spoil(body)
        assert _complaints(provider, dialect, body), f"a wrong request of {dialect}, {step}, is taken: {body}"
    body = _body("chat", "plain")
    for name, value in HEADERS_SPOILT:
        assert _complaints(providers["chat"], "chat", body, {name: value}), f"header {name}: {value} is taken"
    assert _complaints(providers["messages"], "chat", body), "Anthropic takes Chat Completions"
    for provider in (providers["chat"], providers["messages"]):
        provider.stop()


def _body(dialect: str, step: str) -> dict:
    return copy.deepcopy(CLIENTS[dialect].fields_of(model_of(dialect, step, stream=False), STEPS[step]))


def _complaints(provider: Provider, dialect: str, body: dict, spoilt: dict | None = None) -> list[str]:
    data = json.dumps(body).encode()
    given = {"content-type": "application/json", "content-length": str(len(data)), "host": provider.authority}
    if provider.kind == "anthropic":
        given |= {"x-api-key": provider.key, "anthropic-version": VERSIONS[dialect]}
    else:
        given |= {"authorization": f"Bearer {provider.key}"}
    headers = Message()
    for name, value in (given | (spoilt or {})).items():
        headers[name] = value
    return provider.complaints(PATHS[dialect], headers, data)
