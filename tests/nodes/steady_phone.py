"""A phone that sends frame after frame to whichever node a balancer would choose, and writes down what it was told."""

from __future__ import annotations

import http.client
import threading
import time
import uuid
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.system.asking import Asking
from tests.system.guests import GYM, Guest, enrol

PAUSE_S = 0.03
LONGEST_ANSWER_S = 15.0


class SteadyPhone:
    """Sends until it is left; a connection that ended is tried elsewhere, as any client or balancer does.

    Attributes:
        acknowledged: Sequence numbers that some node said it has.
        refused: Status and body of every other answer.
    """

    def __init__(self, owner: Asking, name: str, seed: int, urls: Sequence[str]) -> None:
        """Enrol somebody and begin their session."""
        self.guest: Guest = enrol(owner, name, seed)
        self.session = str(uuid.uuid4())
        self.acknowledged: list[int] = []
        self.refused: list[tuple[int, bytes]] = []
        self.longest_wait_s = 0.0
        self._urls = list(urls)
        self._at = seed % len(urls)
        self._connection: http.client.HTTPConnection | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_all, name=name)
        Asking(owner.url, self.guest.token).put(
            f"/v1/sessions/{self.session}", {"started_at_ms": self.guest.started_ms, "gym": GYM}
        )

    def __enter__(self) -> Self:
        """Begin to send."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send no more; the frame under way is acknowledged first."""
        self._stop.set()
        self._thread.join(LONGEST_ANSWER_S + 5)
        self._elsewhere()  # hangs up
        assert not self._thread.is_alive()

    def _send_all(self) -> None:
        sequence = 0
        while not self._stop.wait(PAUSE_S):
            began = time.monotonic()
            if self._send(sequence):
                sequence += 1
            self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began)

    def _send(self, sequence: int) -> bool:
        """Send a frame; whether it is known to be stored."""
        path = f"/v1/sessions/{self.session}/frames/{self.guest.watch}/{sequence}"
        if sequence == len(self.guest.frames):
            self.guest.frame(self.guest.started_ms + sequence * 1000)
        headers = {"Authorization": f"Bearer {self.guest.token}", "Content-Type": "application/octet-stream"}
        try:
            connection = self._connected()
            connection.request("PUT", path, self.guest.frames[sequence], headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self._elsewhere()
            return False
        if answer.will_close:
            self._elsewhere()
        if answer.status in (200, 201):
            self.acknowledged.append(sequence)
            return True
        self.refused.append((answer.status, body))
        return False

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            place = urlsplit(self._urls[self._at]).netloc
            self._connection = http.client.HTTPConnection(place, timeout=LONGEST_ANSWER_S)
        return self._connection

    def _elsewhere(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._at = (self._at + 1) % len(self._urls)
