"""Phones in a thread of their own, beside a test that breaks what they send to."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod


class PhoneThread(ABC):
    """Runs `_train` from `_begin` until `stop`; what ends it too early is raised where somebody waits for it."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._stopping = threading.Event()
        self._enrolled = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="phones", daemon=True)

    @abstractmethod
    async def _train(self) -> None:
        """Enrol, set `_enrolled`, and send until `_stopping` is set."""

    def _begin(self) -> None:
        """Start, and wait until all are enrolled.

        Raises:
            Exception: What kept them from it.
        """
        self._thread.start()
        self._enrolled.wait()
        self.require_content()

    def stop(self) -> None:
        """Send no more.

        Raises:
            Exception: What ended them before.
        """
        self._stopping.set()
        self._thread.join()
        self.require_content()

    def require_content(self) -> None:
        """Find out whether they still send.

        Raises:
            Exception: What ended them.
        """
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._train())
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for this thread
            self._failure = error
        finally:
            self._enrolled.set()
