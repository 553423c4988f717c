"""Questions to a running service over HTTP, one at a time, and waiting for what it does behind the answers."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

WAIT_S = 60.0
_POLL_S = 0.05


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Asking:
    """Asks a service, with one bearer's token."""

    url: str
    token: str

    def call(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Reply:
        """Ask; bytes are sent as they are, anything else as JSON."""
        sent = {"Authorization": f"Bearer {self.token}"}
        data = None
        if isinstance(body, bytes):
            sent["Content-Type"] = "application/octet-stream"
            data = body
        elif body is not None:
            sent["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=WAIT_S)
        try:
            connection.request(method, path, data, sent | (headers or {}))
            with connection.getresponse() as answer:
                return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str) -> Reply:
        return self.call("GET", path)

    def get_once_shown(self, path: str) -> Reply:
        """The answer as of the path's `min_position`, however long the views take.

        A service waits for them for seconds only, and a worker may have more to do than that.
        """
        replies: list[Reply] = []

        def shown() -> bool:
            replies.append(self.get(path))
            return b"/problems/view-behind" not in replies[-1].body

        eventually(shown, f"the views are as far as {path} asks")
        return replies[-1]

    def put(self, path: str, body: object, *expected: int) -> Any:
        """PUT what must be taken; its answer."""
        return _taken(self.call("PUT", path, body), expected or (200, 201))

    def post(self, path: str, body: object, *expected: int) -> Any:
        """POST what must be taken; its answer."""
        return _taken(self.call("POST", path, body), expected or (200, 201))

    def first_event(self, path: str) -> str:
        """The first event of a stream, which has no end of its own."""
        return next(self.events(path))

    def events(self, path: str) -> Iterator[str]:
        """The events of a stream, as they come; closing the iterator hangs up."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=WAIT_S)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            with connection.getresponse() as answer:
                assert answer.status == 200, answer.status
                lines: list[str] = []
                while True:
                    lines.append(answer.readline().decode())
                    assert lines[-1], "the stream ended: " + "".join(lines)
                    if lines[-1].startswith("data:"):
                        yield "".join(lines)
                        lines.clear()
        finally:
            connection.close()


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: It does not, however slow this machine is.
    """
    poll = threading.Event()
    for _ in range(int(WAIT_S / _POLL_S)):
        if condition():
            return
        poll.wait(_POLL_S)
    raise AssertionError(f"never: {what}")


def _taken(reply: Reply, expected: tuple[int, ...]) -> Any:
    assert reply.status in expected, (reply.status, reply.body)
    return reply.json
