"""OpenAI's SDK, speaking Chat Completions."""

import json

import openai
from pydantic import BaseModel

from scenarios import (
    CLIENT_KEY,
    MAX_TOKENS,
    SCHEMA,
    SCHEMA_NAME,
    SYSTEM,
    TEMPERATURE,
    TOOLS,
    Call,
    Outcome,
    Step,
    Usage,
)

DIALECT = "chat"
FINISH = {"stop": "stop", "length": "length", "tool_calls": "calls"}


class Verdict(BaseModel):
    answer: str
    count: int


def make(base: str) -> openai.OpenAI:
    # Strict: an answer that does not fit the SDK's types raises.
    return openai.OpenAI(
        base_url=f"{base}/v1/mux", api_key=CLIENT_KEY, max_retries=0, timeout=20, _strict_response_validation=True
    )


def ask(sdk: openai.OpenAI, model: str, step: Step, stream: bool) -> Outcome:
    fields = fields_of(model, step)
    if not stream:
        return _outcome(sdk.chat.completions.create(**fields))
    pieces = 0
    with sdk.chat.completions.stream(**fields, stream_options={"include_usage": True}) as events:
        for event in events:
            # The first one only says whose text it is.
            pieces += event.type == "content.delta" and event.delta != ""
        try:
            outcome = _outcome(events.get_final_completion())
        except openai.LengthFinishReasonError as cut:
            outcome = _outcome(cut.completion)
    outcome.pieces = pieces
    return outcome


def ask_parsed(sdk: openai.OpenAI, model: str, step: Step) -> tuple[Outcome, dict]:
    fields = fields_of(model, step)
    answer = sdk.chat.completions.parse(**(fields | {"response_format": Verdict}))
    return _outcome(answer), answer.choices[0].message.parsed.model_dump()


def broken(sdk: openai.OpenAI, model: str, step: Step) -> tuple[str, str]:
    """What was said before a stream broke, and how the SDK said that it did."""
    text = ""
    try:
        for chunk in sdk.chat.completions.create(**fields_of(model, step), stream=True):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
    except openai.APIError as error:
        return text, error.message
    return text, "nothing: the stream ended as if complete"


def without_usage(sdk: openai.OpenAI, model: str, step: Step) -> str:
    """A stream's text; the gateway asks the provider for usage, and keeps that to itself."""
    chunks = list(sdk.chat.completions.create(**fields_of(model, step), stream=True))
    assert all(chunk.choices and not chunk.usage for chunk in chunks), chunks
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def fields_of(model: str, step: Step) -> dict:
    fields = {
        "model": model,
        "messages": [{"role": "system", "content": SYSTEM}, *_messages(step.items)],
        "max_completion_tokens": MAX_TOKENS,
        "temperature": TEMPERATURE,
    }
    if step.tools:
        fields["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.schema,
                    "strict": True,
                },
            }
            for tool in TOOLS
        ]
        fields["parallel_tool_calls"] = True
        fields["tool_choice"] = "required" if step.forced else "auto"
    if step.schema:
        schema = {"name": SCHEMA_NAME, "schema": SCHEMA, "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    return fields


def _messages(items: tuple) -> list:
    messages = []

    def of(role: str, empty) -> dict:
        """The message that goes on, or a new one of this role."""
        if not messages or messages[-1]["role"] != role:
            messages.append({"role": role, "content": empty})
        return messages[-1]

    for kind, *rest in items:
        match kind:
            case "user":
                of("user", [])["content"].append({"type": "text", "text": rest[0]})
            case "image":
                of("user", [])["content"].append({"type": "image_url", "image_url": {"url": rest[0]}})
            case "assistant":
                of("assistant", "")["content"] += rest[0]
            case "call":
                id, name, arguments = rest
                function = {"name": name, "arguments": json.dumps(arguments)}
                calls = of("assistant", None).setdefault("tool_calls", [])
                calls.append({"id": id, "type": "function", "function": function})
            case "result":
                messages.append({"role": "tool", "tool_call_id": rest[0], "content": rest[1]})
    return messages


def _outcome(answer) -> Outcome:
    (choice,) = answer.choices
    message, usage = choice.message, answer.usage
    calls = [
        Call(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []
    ]
    details = usage.prompt_tokens_details
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    counted = Usage(
        usage.prompt_tokens,
        details.cached_tokens,
        details.cache_write_tokens,
        usage.completion_tokens,
        usage.completion_tokens_details.reasoning_tokens,
    )
    # A field that servers other than OpenAI's have added.
    thinking = getattr(message, "reasoning_content", None) or ""
    return Outcome(
        message.content or "", calls, FINISH[choice.finish_reason], counted, model=answer.model, thinking=thinking
    )
