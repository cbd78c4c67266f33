"""What is asked and answered, in no dialect: clients write it, providers judge it, and both check what comes back."""

import zlib
from dataclasses import dataclass, field

SYSTEM = 'You are the "test" assistant.\nMind umlauts: äöü, 世界.'
MAX_TOKENS = 321
# Of OpenAI's SDK alone: Anthropic's API has none since version 2026-10-21.
TEMPERATURE = 0.5
CLIENT_KEY = "key-of-the-client"

# One red pixel.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
DATA_URL = f"data:image/png;base64,{PIXEL}"
HTTP_URL = "https://images.example/cat.png?size=1&v=2"

SCHEMA_NAME = "verdict"
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["answer", "count"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    schema: dict


TOOLS = (
    Tool(
        "get_weather",
        'Says "how" the weather is.',
        {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    ),
    Tool(
        "get_time",
        "Says what time it is.",
        {
            "type": "object",
            "properties": {"zone": {"type": "string"}},
            "required": ["zone"],
            "additionalProperties": False,
        },
    ),
)


@dataclass(frozen=True)
class Call:
    id: str
    name: str
    arguments: dict


CALLS = (
    Call("call_weather_1", "get_weather", {"city": 'Köln "Deutz"', "unit": "c"}),
    Call("call_time_2", "get_time", {"zone": "Europe/Berlin"}),
)
NO_ARGUMENTS = Call("call_time_3", "get_time", {})
RESULTS = (("call_weather_1", '{"sky": "grau", "degrees": 7}'), ("call_time_2", "12:34\nCET"))


@dataclass(frozen=True)
class Error:
    """As each vendor's own API words it."""

    status: int
    anthropic_type: str
    openai_type: str
    openai_code: str | None
    message: str

    @property
    def retry_after(self) -> str | None:
        return "7" if self.status == 429 else None


E401 = Error(401, "authentication_error", "invalid_request_error", "invalid_api_key", "told 401: the key is wrong")
E404 = Error(404, "not_found_error", "invalid_request_error", "model_not_found", "told 404: no such model")
E429 = Error(429, "rate_limit_error", "requests", "rate_limit_exceeded", "told 429: slow down")
E529 = Error(529, "overloaded_error", "server_error", "server_is_overloaded", "told 529: busy")
BROKEN = Error(200, "overloaded_error", "server_error", "server_error", "told in mid-stream: broken")


@dataclass(frozen=True)
class Answer:
    # Text comes in these pieces where it is streamed.
    pieces: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    # `stop`, `length` or `calls`.
    finish: str = "stop"
    # Instead of an answer, or after its pieces where its status is 200.
    error: Error | None = None
    # What the model thought before.
    thinking: str = ""
    # Streamed calls come bit by bit in turn, where the dialect allows it.
    in_turn: bool = False
    # The stream ends in order, but before the answer does.
    cut: bool = False

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True)
class Step:
    """One request and its answer. `items` is the conversation: `(role, text)`, `("image", url)`,
    `("call", id, name, arguments)`, `("result", id, text)`."""

    items: tuple
    answer: Answer
    tools: bool = False
    # The model must call a tool.
    forced: bool = False
    schema: bool = False
    # The first request is refused with it, the next one answered.
    fails_first: Error | None = None


HELLO = (("user", "First question?"), ("assistant", "First answer."), ("user", "Say hello, näive café."))
ASK_TOOLS = (("user", "Weather and time in Köln?"),)
CALLED = (("assistant", "Let me look."),) + tuple(("call", call.id, call.name, call.arguments) for call in CALLS)
RESULT_ITEMS = tuple(("result", *result) for result in RESULTS)
GREETING = Answer(("Grüße, ", "世界", '! "Quoted"\n', "\\ and 😀."))


def _asked(text: str, **more) -> Step:
    return Step((("user", text),), **more)


STEPS = {
    "plain": Step(HELLO, GREETING),
    # A stream whose usage the client does not want to see.
    "unseen": Step(HELLO, GREETING),
    "length": _asked("Say much.", answer=Answer(("It goes ", "on and on"), finish="length")),
    "tools_1": Step(ASK_TOOLS, Answer(("Let me ", "look."), CALLS, "calls"), tools=True, forced=True),
    "tools_2": Step(ASK_TOOLS + CALLED + RESULT_ITEMS, Answer(("Grey, ", "7 degrees, 12:34.")), tools=True),
    # No text, and a call without arguments.
    "call": _asked("What time is it?", answer=Answer((), (NO_ARGUMENTS,), "calls"), tools=True),
    "schema": _asked("Judge.", answer=Answer(('{"answer": "ja', '", "count": 3}')), schema=True),
    "parsed": _asked("Judge.", answer=Answer(('{"answer": "ja', '", "count": 3}')), schema=True),
    "image_data": Step((("user", "What is it?"), ("image", DATA_URL)), Answer(("A red ", "pixel."))),
    "image_url": Step((("image", HTTP_URL), ("user", "What is it?")), Answer(("A ", "cat."))),
    "error_401": _asked("Fail.", answer=Answer(error=E401)),
    "error_404": _asked("Fail.", answer=Answer(error=E404)),
    "error_429": _asked("Fail.", answer=Answer(error=E429)),
    "error_529": _asked("Fail.", answer=Answer(error=E529)),
    "broken": _asked("Break.", answer=Answer(("Half of ", "it"), error=BROKEN)),
    "retried": _asked("Again.", answer=Answer(("Now ", "it works.")), fails_first=E429),
    "cut": _asked("Break off.", answer=Answer(("Half of ", "it"), cut=True)),
    "thought": _asked("Think.", answer=Answer(("42", "."), thinking="First, äh, 6 times 7.\nThat is it.")),
    "in_turn": Step(ASK_TOOLS, Answer((), CALLS, "calls", in_turn=True), tools=True),
    "counted": Step(HELLO, Answer()),
}


@dataclass(frozen=True)
class Usage:
    """As Muxspace records it: input includes what was cached or written to the cache, output includes reasoning."""

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def fresh(self) -> int:
        """What Anthropic calls input."""
        return self.input - self.cached - self.written


def usage_of(model: str) -> Usage:
    """What the provider counts for a request to this model: the same every time, and hardly the same for two models."""
    mark = zlib.crc32(model.encode()) % 1_000
    return Usage(
        input=2_000 + mark, cached=700 + mark % 89, written=300 + mark % 31, output=60 + mark % 53, reasoning=20
    )


@dataclass
class Outcome:
    """What a client's SDK made of an answer."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    finish: str | None = None
    usage: Usage | None = None
    thinking: str = ""
    # Pieces of text that a stream came in; 0 of a plain answer.
    pieces: int = 0
    model: str = ""


def model_of(client: str, step: str, stream: bool) -> str:
    """Names the request: providers know by it what to expect, and usage is recorded under it."""
    return f"{client}-{'streamed' if stream else 'whole'}-{step}"


def step_of(model: str) -> tuple[str, Step, bool]:
    client, stream, step = model.split("-")
    return client, STEPS[step], stream == "streamed"


def without_titles(schema):
    """A JSON Schema without what the SDKs' own helpers add for people."""
    if isinstance(schema, dict):
        return {name: without_titles(value) for name, value in schema.items() if name not in ("title", "description")}
    return [without_titles(value) for value in schema] if isinstance(schema, list) else schema
