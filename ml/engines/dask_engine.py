"""The engine of several machines: workers of a Dask scheduler, which must see the same folders and the same Kinelog.

Dask pickles what a call is made of. Here that is a function's name and bytes, nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Sequence

from distributed import Client, Future, KilledWorker, as_completed
from kinelog.ml.engines.on_worker import run_in_child
from kinelog.ml.engines.port import (
    Engine,
    EngineUnavailableError,
    Finished,
    TaskFailedError,
    TaskLostError,
)
from kinelog.ml.engines.task_process import ANSWER
from typing_extensions import override

CONNECT_S = 20


class DaskEngine(Engine):
    """Tasks on the workers of a scheduler."""

    name = "dask"

    def __init__(self, function: str, address: str) -> None:
        """Connect.

        Args:
            function: `module:name` of what takes a task's bytes and returns the answer's; workers must have it too.
            address: Of the scheduler, `tcp://HOST:PORT`.

        Raises:
            EngineUnavailableError: There is no scheduler.
        """
        self._function = function
        try:
            self._client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            message = f"no Dask scheduler at {address}: {error}"
            raise EngineUnavailableError(message) from error

    @override
    def map(self, tasks: Sequence[bytes]) -> Generator[Finished]:
        # A name of this call's own: Dask keeps the results of equal calls, and a task that gave up is an equal call.
        call = uuid.uuid4().hex
        futures = {
            self._client.submit(
                run_in_child, self._function, task, key=f"kinelog-fit-{call}-{index}", pure=False
            ): index
            for index, task in enumerate(tasks)
        }
        try:
            for future in as_completed(list(futures), loop=self._client.loop):
                yield self._finished(futures[future], future)
                # The scheduler keeps a result for as long as its future lives.
                future.release()
        finally:
            self._client.cancel(list(futures))

    def _finished(self, index: int, future: Future[bytes]) -> Finished:
        try:
            answer = future.result()
        except KilledWorker as error:
            raise TaskLostError(index, error.allowed_failures + 1, "a worker of the scheduler") from error
        except TaskLostError as error:
            raise TaskLostError(index, 1, str(error)) from error
        failed, seconds, peak = ANSWER.unpack_from(answer)
        if failed:
            raise TaskFailedError(index, answer[ANSWER.size :].decode())
        return Finished(index, answer[ANSWER.size :], seconds, peak)

    @override
    def close(self) -> None:
        self._client.close()
