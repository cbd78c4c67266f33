"""OpenAI's SDK, speaking Responses."""

import json

import openai

from clients.chat import Verdict, make
from scenarios import MAX_TOKENS, SCHEMA, SCHEMA_NAME, SYSTEM, TEMPERATURE, TOOLS, Call, Outcome, Step, Usage

__all__ = ["DIALECT", "ask", "ask_parsed", "broken", "fields_of", "make"]
DIALECT = "responses"


def ask(sdk: openai.OpenAI, model: str, step: Step, stream: bool) -> Outcome:
    fields = fields_of(model, step)
    if not stream:
        return _outcome(sdk.responses.create(**fields))
    pieces, numbers, ended = 0, [], None
    with sdk.responses.stream(**fields) as events:
        for event in events:
            pieces += event.type == "response.output_text.delta"
            numbers.append(event.sequence_number)
            # The SDK's own collector knows no answer but a completed one.
            ended = event.response if event.type in ("response.completed", "response.incomplete") else None
    assert numbers == list(range(len(numbers))), f"sequence numbers {numbers}"
    assert ended, "the stream's last event has no response"
    outcome = _outcome(ended)
    outcome.pieces = pieces
    return outcome


def ask_parsed(sdk: openai.OpenAI, model: str, step: Step) -> tuple[Outcome, dict]:
    fields = fields_of(model, step)
    fields.pop("text")
    answer = sdk.responses.parse(**fields, text_format=Verdict)
    return _outcome(answer), answer.output_parsed.model_dump()


def broken(sdk: openai.OpenAI, model: str, step: Step) -> tuple[str, str]:
    """What was said before a stream broke, and how the SDK said that it did."""
    text = ""
    # OpenAI sends codes of errors that its SDK's type does not list, and clients act on them; the rest must fit.
    lenient = sdk.copy()
    lenient._strict_response_validation = False
    for event in lenient.responses.create(**fields_of(model, step), stream=True):
        fields = event.to_dict()
        if event.type == "response.failed":
            assert isinstance(event.response.error.code, str), event
            fields["response"]["error"]["code"] = "server_error"
        type(event).model_validate(fields)
        match event.type:
            case "response.output_text.delta":
                text += event.delta
            case "response.failed":
                assert event.response.status == "failed", event
                return text, event.response.error.message
    return text, "nothing: the stream ended as if complete"


def fields_of(model: str, step: Step) -> dict:
    fields = {
        "model": model,
        "instructions": SYSTEM,
        "input": _input(step.items),
        "max_output_tokens": MAX_TOKENS,
        "temperature": TEMPERATURE,
        "store": False,
    }
    if step.tools:
        fields["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.schema,
                "strict": True,
            }
            for tool in TOOLS
        ]
        fields["parallel_tool_calls"] = True
        fields["tool_choice"] = "required" if step.forced else "auto"
    if step.schema:
        format = {"type": "json_schema", "name": SCHEMA_NAME, "schema": SCHEMA, "strict": True}
        fields["text"] = {"format": format}
    return fields


def _input(items: tuple) -> list:
    written = []
    for kind, *rest in items:
        match kind:
            case "user" | "image":
                if not written or written[-1].get("role") != "user":
                    written.append({"role": "user", "content": []})
                part = {"type": "input_text", "text": rest[0]}
                if kind == "image":
                    part = {"type": "input_image", "image_url": rest[0], "detail": "auto"}
                written[-1]["content"].append(part)
            case "assistant":
                written.append({"role": "assistant", "content": rest[0]})
            case "call":
                id, name, arguments = rest
                call = {"type": "function_call", "call_id": id, "name": name, "arguments": json.dumps(arguments)}
                written.append(call)
            case "result":
                written.append({"type": "function_call_output", "call_id": rest[0], "output": rest[1]})
    return written


def _outcome(answer) -> Outcome:
    usage, calls = answer.usage, [item for item in answer.output if item.type == "function_call"]
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage
    match answer.status, answer.incomplete_details and answer.incomplete_details.reason:
        case "completed", None:
            finish = "calls" if calls else "stop"
        case "incomplete", "max_output_tokens":
            finish = "length"
        case other:
            finish = str(other)
    details = usage.input_tokens_details
    return Outcome(
        answer.output_text,
        [Call(call.call_id, call.name, json.loads(call.arguments)) for call in calls],
        finish,
        Usage(
            usage.input_tokens,
            details.cached_tokens,
            details.cache_write_tokens,
            usage.output_tokens,
            usage.output_tokens_details.reasoning_tokens,
        ),
        model=answer.model,
        thinking="".join(part.text for item in answer.output if item.type == "reasoning" for part in item.summary),
    )
