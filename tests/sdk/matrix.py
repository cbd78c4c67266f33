"""The official SDKs through the gateway: every client dialect to every kind of provider, every kind of call.

`matrix.py <proxy> <api> <token>` adds its own providers and workspaces, runs all cases and prints a line for each that
failed. Its last line is JSON: how many cases ran, how many failed, and what the providers counted for each model.
"""

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import anthropic
import openai

import selfcheck
from clients import chat, messages, responses
from control import Control
from providers.messages import broken_usage
from providers.server import COUNTED_TOKENS, LISTED_MODEL, Provider
from scenarios import STEPS, Error, Outcome, Usage, model_of, usage_of

CLIENTS = (chat, messages, responses)
# OpenAI's own speaks two dialects, other servers of its format one.
PROVIDERS = (("compatible", "vllm"), ("vendor", "openai"), ("claude", "anthropic"))
ERROR_CLASSES = {
    401: ("AuthenticationError", "AuthenticationError"),
    404: ("NotFoundError", "NotFoundError"),
    429: ("RateLimitError", "RateLimitError"),
    529: ("InternalServerError", "OverloadedError"),
}
# Steps of both plain and streamed answers, and all steps of plain ones.
STREAMED = ("plain", "length", "tools", "call", "thought", "schema", "error_401", "error_404", "error_429", "error_529")
WHOLE = (*STREAMED, "image_data", "image_url")


@dataclass
class Recorded:
    """What Muxspace must have recorded of a model."""

    requests: int = 1
    errors: int = 0
    usage: Usage = Usage()


@dataclass(frozen=True)
class Pair:
    """A client's SDK and a provider."""

    client: ModuleType
    provider: Provider
    base: str
    recorded: dict[str, Recorded]

    @cached_property
    def sdk(self):
        return self.client.make(f"{self.base}/w/{self.provider.name}")

    def asked(self, step: str, stream: bool, recorded: Recorded | None = None) -> str:
        """The model to name for a step; remembers what is to be recorded of it."""
        model = model_of(self.client.DIALECT, step, stream)
        wire = f"{self.provider.name}/{model}"
        assert wire not in self.recorded, f"{wire} is asked twice"
        self.recorded[wire] = recorded or Recorded(usage=usage_of(model))
        return wire

    def by_itself(self, wire: str) -> None:
        """Muxspace answers without a provider: the record names no model."""
        unasked = self.recorded.pop(wire)
        record = self.recorded.setdefault("", Recorded(requests=0))
        record.requests += unasked.requests
        record.errors += unasked.errors


def answered(pair: Pair, step: str, stream: bool, retries: int = 0, recorded: Recorded | None = None) -> None:
    wire = pair.asked(step, stream, recorded)
    check(pair.client.ask(pair.sdk.with_options(max_retries=retries), wire, STEPS[step], stream), step, wire, stream)


def check(outcome: Outcome, step: str, wire: str, stream: bool) -> None:
    answer, model = STEPS[step].answer, wire.split("/")[1]
    wanted = Outcome(
        answer.text,
        list(answer.calls),
        answer.finish,
        usage_of(model),
        answer.thinking,
        len(answer.pieces) if stream else 0,
        model,
    )
    assert outcome == wanted, f"\n  got    {outcome}\n  wanted {wanted}"


def tools(pair: Pair, stream: bool) -> None:
    answered(pair, "tools_1", stream)
    answered(pair, "tools_2", stream)


def parsed(pair: Pair) -> None:
    wire = pair.asked("parsed", stream=False)
    outcome, value = pair.client.ask_parsed(pair.sdk, wire, STEPS["parsed"])
    check(outcome, "parsed", wire, stream=False)
    assert value == {"answer": "ja", "count": 3}, value


def refused(pair: Pair, step: str, stream: bool) -> None:
    wire = pair.asked(step, stream, Recorded(errors=1))
    error = STEPS[step].answer.error
    try:
        outcome = pair.client.ask(pair.sdk, wire, STEPS[step], stream)
    except (openai.APIStatusError, anthropic.APIStatusError) as raised:
        check_error(pair, error, raised)
    else:
        raise AssertionError(f"no error came, but {outcome}")


def check_error(pair: Pair, error: Error, raised: openai.APIStatusError | anthropic.APIStatusError) -> None:
    is_anthropic = pair.client is messages
    assert type(raised).__name__ == ERROR_CLASSES[error.status][is_anthropic], repr(raised)
    assert raised.status_code == error.status, repr(raised)
    assert error.message in raised.message, raised.message
    assert raised.response.headers.get("retry-after") == error.retry_after, raised.response.headers
    if is_anthropic:
        assert raised.type == error.anthropic_type, raised.body
    # Anthropic has no word for a model that is not found.
    elif error.status != 404 or pair.provider.kind != "anthropic":
        assert raised.code == error.openai_code, raised.body


def broken(pair: Pair, step: str) -> None:
    model = model_of(pair.client.DIALECT, step, stream=True)
    told = broken_usage(usage_of(model)) if pair.provider.kind == "anthropic" else Usage()
    wire = pair.asked(step, True, Recorded(usage=told))
    text, message = pair.client.broken(pair.sdk, wire, STEPS[step])
    answer = STEPS[step].answer
    wanted = "broke off" if answer.cut else answer.error.message
    assert text == answer.text and wanted in message, f"said {text!r}, then {message!r}"


def unseen(pair: Pair) -> None:
    wire, step = pair.asked("unseen", stream=True), STEPS["unseen"]
    text = chat.without_usage(pair.sdk, wire, step)
    assert text == step.answer.text, text


def without_workspace(pair: Pair) -> None:
    """Muxspace's own refusals are errors of the client's dialect, too."""
    wanted = "not_found_error" if pair.client is messages else "unknown_workspace"
    sdk = pair.client.make(f"{pair.base}/w/nobodys")
    try:
        pair.client.ask(sdk, "any", STEPS["plain"], stream=False)
    except (openai.NotFoundError, anthropic.NotFoundError) as raised:
        assert "nobodys" in raised.message, raised.message
        assert (raised.type if pair.client is messages else raised.code) == wanted, raised.body
    else:
        raise AssertionError("no error came")


def untranslatable(pair: Pair) -> None:
    wire = pair.asked("untranslatable", stream=False, recorded=Recorded(errors=1))
    pair.by_itself(wire)
    try:
        pair.sdk.chat.completions.create(**chat.fields_of(wire, STEPS["plain"]), n=2)
    except openai.UnprocessableEntityError as raised:
        assert (raised.code, raised.param) == ("untranslatable", "n"), raised.body
    else:
        raise AssertionError("no error came")


def retried(pair: Pair) -> None:
    usage = usage_of(model_of(pair.client.DIALECT, "retried", stream=False))
    answered(pair, "retried", stream=False, retries=2, recorded=Recorded(requests=2, errors=1, usage=usage))


def counted(pair: Pair) -> None:
    wire = pair.asked("counted", stream=False, recorded=Recorded())
    if pair.provider.kind != "anthropic":
        pair.by_itself(wire)
    tokens, is_estimated = messages.count_tokens(pair.sdk, wire, STEPS["counted"])
    if pair.provider.kind == "anthropic":
        assert (tokens, is_estimated) == (COUNTED_TOKENS, False), (tokens, is_estimated)
    else:
        assert 10 < tokens < 200 and is_estimated, (tokens, is_estimated)


def listed(pair: Pair) -> None:
    ids = [model.id for model in pair.sdk.models.list()]
    assert ids == ["mux", f"{pair.provider.name}/{LISTED_MODEL}"], ids


def cases(pair: Pair) -> Iterator[tuple[str, Callable[[], None]]]:
    for stream, steps in ((False, WHOLE), (True, STREAMED)):
        for step in steps:
            name = f"{step}{' streamed' if stream else ''}"
            if step == "tools":
                yield name, lambda stream=stream: tools(pair, stream)
            elif step.startswith("error"):
                yield name, lambda step=step, stream=stream: refused(pair, step, stream)
            else:
                yield name, lambda step=step, stream=stream: answered(pair, step, stream)
    yield "parsed", lambda: parsed(pair)
    yield "broken in mid-stream", lambda: broken(pair, "broken")
    if pair.client.DIALECT not in pair.provider.dialects():
        # Elsewhere bytes pass as they come: streams that OpenAI's SDK cannot read, or that end too early, do as well.
        yield "cut in mid-stream", lambda: broken(pair, "cut")
        yield "calls in turn", lambda: answered(pair, "in_turn", stream=True)
    yield "no workspace", lambda: without_workspace(pair)
    yield "retried", lambda: retried(pair)
    if pair.client is messages:
        yield "count_tokens", lambda: counted(pair)
    if pair.client is chat and pair.provider.kind == "anthropic":
        yield "untranslatable", lambda: untranslatable(pair)
    if pair.client is chat:
        yield "usage unseen", lambda: unseen(pair)
    if pair.client in (chat, messages):
        yield "models", lambda: listed(pair)


def main() -> None:
    proxy, api, token = sys.argv[1:]
    selfcheck.check()
    control, recorded, ran, failed = Control(api, token), {}, 0, 0
    providers = [Provider(name, kind) for name, kind in PROVIDERS]
    for provider in providers:
        control.add(provider)
    for pair in [Pair(client, provider, proxy, recorded) for client in CLIENTS for provider in providers]:
        for name, case in cases(pair):
            ran += 1
            try:
                case()
            except Exception as error:  # Any error is this case's failure; the others still run.
                failed += 1
                print(f"FAILED {pair.client.DIALECT} to {pair.provider.name}, {name}: {type(error).__name__}: {error}")
                if not isinstance(error, (AssertionError, openai.OpenAIError, anthropic.AnthropicError)):
                    traceback.print_exc(file=sys.stdout)
    models = {model: vars(one) | {"usage": vars(one.usage)} for model, one in recorded.items()}
    print(json.dumps({"cases": ran, "failed": failed, "models": models}))


if __name__ == "__main__":
    main()
