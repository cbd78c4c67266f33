"""Whether a body is what a vendor's API takes, by the types of that vendor's own SDK.

The SDK's request types are `TypedDict`s: what they do not list is refused, and lists are read to their ends.
"""

from typing import Annotated, Any

from anthropic.types.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParams
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses.response_create_params import ResponseCreateParams
from pydantic import ConfigDict, TypeAdapter
from pydantic_core import SchemaValidator, ValidationError

# Lines of a complaint: unions of many types complain about each of them.
LINES_MAX = 12


def _strict(schema: Any) -> Any:
    if isinstance(schema, (list, tuple)):
        return type(schema)(_strict(part) for part in schema)
    if not isinstance(schema, dict):
        return schema
    schema = {name: _strict(value) for name, value in schema.items()}
    match schema.get("type"):
        # An `Iterable` would be read only when someone iterates.
        case "generator":
            schema["type"] = "list"
        case "typed-dict":
            schema["extra_behavior"] = "forbid"
    return schema


def as_newest(body: Any, anthropic_version: str | None) -> Any:
    """The body without what the SDK's types no longer list and Anthropic's older API takes."""
    if anthropic_version != "2023-06-01":
        return body
    return {name: value for name, value in body.items() if name not in ("temperature", "top_p", "top_k")}


class Judge:
    def __init__(self, params: Any) -> None:
        # A list, because a bare TypedDict takes no settings.
        adapter = TypeAdapter(list[Annotated[params, None]], config=ConfigDict(arbitrary_types_allowed=True))
        self._validator = SchemaValidator(_strict(adapter.core_schema))

    def complaint(self, body: Any) -> str | None:
        try:
            self._validator.validate_python([body], strict=True)
        except ValidationError as error:
            # The complaints of the type that comes nearest reach deepest.
            found = sorted(error.errors(include_url=False, include_input=False), key=lambda one: -len(one["loc"]))
            lines = [f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in found]
            return "; ".join(lines[:LINES_MAX])
        return None


JUDGES = {
    "/v1/chat/completions": Judge(CompletionCreateParams),
    "/v1/messages": Judge(MessageCreateParams),
    "/v1/messages/count_tokens": Judge(MessageCountTokensParams),
    "/v1/responses": Judge(ResponseCreateParams),
}
