"""Anthropic's SDK, speaking Messages."""

import anthropic
from pydantic import BaseModel

from scenarios import CLIENT_KEY, MAX_TOKENS, SCHEMA, SYSTEM, TOOLS, Call, Outcome, Step, Usage

DIALECT = "messages"
FINISH = {"end_turn": "stop", "max_tokens": "length", "tool_use": "calls"}


class Verdict(BaseModel):
    answer: str
    count: int


def make(base: str) -> anthropic.Anthropic:
    # Strict: an answer that does not fit the SDK's types raises.
    return anthropic.Anthropic(
        base_url=f"{base}/v1/mux", api_key=CLIENT_KEY, max_retries=0, timeout=20, _strict_response_validation=True
    )


def ask(sdk: anthropic.Anthropic, model: str, step: Step, stream: bool) -> Outcome:
    fields = fields_of(model, step)
    if not stream:
        return _outcome(sdk.messages.create(**fields))
    pieces = 0
    with sdk.messages.stream(**fields) as events:
        for event in events:
            pieces += event.type == "text"
        outcome = _outcome(events.get_final_message())
    outcome.pieces = pieces
    return outcome


def ask_parsed(sdk: anthropic.Anthropic, model: str, step: Step) -> tuple[Outcome, dict]:
    fields = fields_of(model, step)
    fields.pop("output_config")
    answer = sdk.messages.parse(**fields, output_format=Verdict)
    return _outcome(answer), answer.parsed_output.model_dump()


def broken(sdk: anthropic.Anthropic, model: str, step: Step) -> tuple[str, str]:
    """What was said before a stream broke, and how the SDK said that it did."""
    text = ""
    try:
        for event in sdk.messages.create(**fields_of(model, step), stream=True):
            if event.type == "content_block_delta":
                text += event.delta.text
    except anthropic.APIStatusError as error:
        return text, error.body["error"]["message"]
    return text, "nothing: the stream ended as if complete"


def count_tokens(sdk: anthropic.Anthropic, model: str, step: Step) -> tuple[int, bool]:
    """The tokens, and whether they are estimated."""
    fields = fields_of(model, step)
    asked = {name: fields[name] for name in ("model", "messages", "system")}
    answer = sdk.messages.with_raw_response.count_tokens(**asked)
    return answer.parse().input_tokens, answer.headers.get("x-muxspace-estimated") == "true"


def fields_of(model: str, step: Step) -> dict:
    fields = {
        "model": model,
        "system": SYSTEM,
        "messages": _messages(step.items),
        "max_tokens": MAX_TOKENS,
    }
    if step.tools:
        fields["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema, "strict": True}
            for tool in TOOLS
        ]
        choice = "any" if step.forced else "auto"
        fields["tool_choice"] = {"type": choice, "disable_parallel_tool_use": False}
    if step.schema:
        fields["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
    return fields


def _messages(items: tuple) -> list:
    messages = []
    for kind, *rest in items:
        role = "assistant" if kind in ("assistant", "call") else "user"
        if not messages or messages[-1]["role"] != role:
            messages.append({"role": role, "content": []})
        messages[-1]["content"].append(_block(kind, rest))
    return messages


def _block(kind: str, rest: list) -> dict:
    match kind:
        case "image" if rest[0].startswith("data:"):
            media_type, data = rest[0].removeprefix("data:").split(";base64,")
            return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
        case "image":
            return {"type": "image", "source": {"type": "url", "url": rest[0]}}
        case "call":
            id, name, arguments = rest
            return {"type": "tool_use", "id": id, "name": name, "input": arguments}
        case "result":
            return {"type": "tool_result", "tool_use_id": rest[0], "content": rest[1]}
        case _:
            return {"type": "text", "text": rest[0]}


def _outcome(answer) -> Outcome:
    usage = answer.usage
    cached, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    reasoning = usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else None
    return Outcome(
        "".join(block.text for block in answer.content if block.type == "text"),
        [Call(block.id, block.name, block.input) for block in answer.content if block.type == "tool_use"],
        FINISH[answer.stop_reason],
        Usage(usage.input_tokens + cached + written, cached, written, usage.output_tokens, reasoning),
        model=answer.model,
        thinking="".join(block.thinking for block in answer.content if block.type == "thinking"),
    )
