"""The control server's API, as far as the matrix needs it."""

import json
import urllib.request

from providers.server import LISTED_MODEL, Provider

PATIENCE_S = 20


class Control:
    def __init__(self, base: str, token: str) -> None:
        self._base, self._token = base, token

    def add(self, provider: Provider) -> None:
        """Adds the provider, and a workspace of its name that routes to whatever model of it a client names."""
        auth = {"type": "api_key", "api_key": provider.key}
        added = {"name": provider.name, "type": provider.kind, "endpoint": provider.endpoint, "auth": auth}
        self._post("/providers?require=reachable&wait=applied", added)
        # The first one is there to be listed.
        listed = {"name": "listed", "when": {"model": "nobody-asks"}, "target": f"{provider.name}/{LISTED_MODEL}"}
        rules = [listed, {"name": "everything", "target": "requested"}]
        # Open, since every case names a model of its own.
        workspace = {"name": provider.name, "rules": rules, "settings": {"open_collection": True}}
        self._post("/workspaces?wait=applied", workspace)

    def _post(self, path: str, body: dict) -> None:
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self._base}/api/v1{path}", data, headers, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            assert answer.status < 300, answer.status
