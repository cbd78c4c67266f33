"""An HTTP server that plays one provider: it judges each request and answers as the step says."""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anthropic

from judge import JUDGES, as_newest
from providers import chat, messages, responses
from scenarios import CLIENT_KEY, MAX_TOKENS, SCHEMA, SYSTEM, TEMPERATURE, TOOLS, Error, Step, step_of, usage_of

SPEAKERS = {"/v1/chat/completions": chat, "/v1/messages": messages, "/v1/responses": responses}
COUNT_PATH = "/v1/messages/count_tokens"
LISTED_MODEL = "listed-model"
COUNTED_TOKENS = 401
# The version of Anthropic's API, by the client's dialect: its own where nothing is translated.
VERSIONS = {
    "chat": "2023-06-01",
    "messages": anthropic.Anthropic(api_key="none").default_headers["anthropic-version"],
    "responses": "2023-06-01",
}
# Pause after a piece of a stream, so that it travels alone.
PIECE_PAUSE_S = 0.001


class Provider:
    """`name` is the provider's in Muxspace, `kind` its type there."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind, self.key = name, kind, f"key-of-{name}"
        # Models that were refused once, as their step says.
        self.refused: set[str] = set()
        provider = self

        class Bound(_Handler):
            pass

        Bound.provider = provider
        self._server = _Server(("127.0.0.1", 0), Bound)
        self.authority = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        # Anthropic is named without the version, as its own SDK wants it.
        return f"http://{self.authority}" + ("" if self.kind == "anthropic" else "/v1")

    def dialects(self) -> tuple[str, ...]:
        return {"anthropic": ("messages",), "openai": ("chat", "responses")}.get(self.kind, ("chat",))

    def complaints(self, path: str, headers, body: bytes) -> list[str]:
        found = self._about_headers(headers, body)
        version = headers.get("anthropic-version")
        speaker = messages if path == COUNT_PATH else SPEAKERS.get(path)
        if speaker is None or speaker.DIALECT not in self.dialects():
            return [*found, f"{self.kind} has no {path}"]
        try:
            parsed = json.loads(body)
        except ValueError as error:
            return [*found, f"not JSON: {error}"]
        complaint = JUDGES[path].complaint(as_newest(parsed, version))
        if complaint:
            return [*found, f"{complaint} (in {body.decode()})"]
        client, step, stream = step_of(parsed["model"])
        wanted, got = _wanted(client, step, stream), speaker.read(parsed)
        if path == COUNT_PATH:
            wanted |= {"max_tokens": None}
        if self.kind == "anthropic" and version != VERSIONS[client]:
            found.append(f"anthropic-version is {version}, not {VERSIONS[client]}")
        differing = [name for name in wanted if wanted[name] != got[name]]
        return found + [f"{name} is {got[name]!r}, not {wanted[name]!r}" for name in differing]

    def _about_headers(self, headers, body: bytes) -> list[str]:
        found = []

        def must(name: str, value: str) -> None:
            if headers.get_all(name) != [value]:
                found.append(f"header {name} is {headers.get_all(name)}, not {value!r}")

        if self.kind == "anthropic":
            must("x-api-key", self.key)
        else:
            must("authorization", f"Bearer {self.key}")
        must("content-length", str(len(body)))
        must("content-type", "application/json")
        must("host", self.authority)
        for name, value in headers.items():
            if name.lower().startswith(("x-muxspace-", "x-envoy-")) or name.lower() == "transfer-encoding":
                found.append(f"header {name} must not come")
            if CLIENT_KEY in value:
                found.append(f"header {name} holds the client's key")
        return found


def _wanted(client: str, step: Step, stream: bool) -> dict:
    """What the provider must be able to read out of the request, whatever its dialect."""
    return {
        "stream": stream,
        "system": SYSTEM,
        "items": list(step.items),
        "tools": [(tool.name, tool.description, tool.schema, True) for tool in TOOLS] if step.tools else [],
        "choice": ("required" if step.forced else "auto") if step.tools else None,
        "parallel": True if step.tools else None,
        "schema": SCHEMA if step.schema else None,
        "max_tokens": MAX_TOKENS,
        "temperature": None if client == messages.DIALECT else TEMPERATURE,
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        # Envoy closes idle connections as it likes.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    provider: Provider
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_arguments) -> None:
        pass

    def do_GET(self) -> None:
        # What the server asks for when the provider is added.
        if not self.path.startswith("/v1/models"):
            self._json(404, {"error": {"message": f"no {self.path}"}})
            return
        model = {"id": LISTED_MODEL, "object": "model", "created": 1, "owned_by": "test"}
        model |= {"type": "model", "display_name": LISTED_MODEL, "created_at": "2026-01-01T00:00:00Z"}
        self._json(200, {"object": "list", "data": [model], "has_more": False})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        complaints = self.provider.complaints(path, self.headers, body)
        if complaints:
            message = "the judge says: " + "\n  ".join(complaints)
            self._json(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}})
            return
        model = json.loads(body)["model"]
        if path == COUNT_PATH:
            self._json(200, {"input_tokens": COUNTED_TOKENS})
            return
        self._answer(SPEAKERS[path], model)

    def _answer(self, speaker, model: str) -> None:
        _client, step, stream = step_of(model)
        error = step.answer.error
        if step.fails_first and model not in self.provider.refused:
            self.provider.refused.add(model)
            self._refuse(speaker, step.fails_first, {"retry-after-ms": "10"})
        elif error and error.status >= 400:
            self._refuse(speaker, error, {})
        elif stream:
            self._stream(speaker.events(step.answer, model, usage_of(model)))
        else:
            self._json(200, speaker.whole(step.answer, model, usage_of(model)))

    def _refuse(self, speaker, error: Error, headers: dict) -> None:
        if error.retry_after:
            headers = {"retry-after": error.retry_after, **headers}
        self._json(error.status, speaker.error(error), headers)

    def _json(self, status: int, value, headers: dict | None = None) -> None:
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        waiting = b""
        for name, data in events:
            # In two pieces each: bytes are not split where events or characters end.
            for piece in (waiting[: len(waiting) // 2], waiting[len(waiting) // 2 :]):
                self._chunk(piece)
            text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
            event = ((f"event: {name}\n" if name else "") + f"data: {text}\n\n").encode()
            waiting = event
        # The end comes with the last event: no client can hang up in between, which would be recorded as a cut.
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(waiting), waiting))

    def _chunk(self, piece: bytes) -> None:
        if piece:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(PIECE_PAUSE_S)
