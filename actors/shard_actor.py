"""The pykka actor that serves shards: a thread that sleeps until one of them has mail, then runs their machines."""

from __future__ import annotations

import threading
from typing import Protocol

import pykka
from kinelog.actors.lease import Lease
from kinelog.actors.tickets import Outbox
from pykka import ActorDeadError, ActorRef
from typing_extensions import override

WAKE = object()
"""The only message that goes through pykka's own inbox, and never more than one at a time."""


class Served(Protocol):
    """A shard that has mail."""

    def serve(self) -> bool:
        """Take what came in and run the machine; whether there may be more. Never raises."""


class ReadyShards:
    """Shards with mail, each at most once, in the order in which they are served. Thread-safe."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._waiting: list[Served] = []
        self._awake = False

    def put(self, shard: Served) -> bool:
        """Queue a shard; whether the actor must be woken for it."""
        with self._lock:
            self._waiting.append(shard)
            woken, self._awake = self._awake, True
            return not woken

    def take(self) -> list[Served]:
        """All that have mail; when there are none, the actor sleeps from here on."""
        with self._lock:
            ready, self._waiting = self._waiting, []
            self._awake = bool(ready)
            return ready


class ShardActor(pykka.ThreadingActor):
    """A thin shell: one thread for the shards that it hosts.

    A thread a shard gains nothing under one interpreter lock and costs a change of threads a shard and drain; measured,
    that halves the frames a second of a process with 16 shards.
    """

    # A shard that hangs in its store must not keep the process alive once the region has given it its time.
    use_daemon_thread = True

    def __init__(self, ready: ReadyShards, outbox: Outbox) -> None:
        """Serve what is put into `ready`; answers leave when everything that was ready is served."""
        super().__init__()
        self._ready = ready
        self._outbox = outbox

    @override
    def on_receive(self, message: object) -> None:
        ready, outbox = self._ready, self._outbox
        while shards := ready.take():
            for shard in shards:
                if shard.serve():
                    ready.put(shard)
            outbox.send()


class ShardHost:
    """An actor and the shards that it serves, as those that wake them see it."""

    def __init__(self, lease: Lease) -> None:
        """Nothing runs yet; answers leave while the lease holds."""
        self.outbox = Outbox(lease)
        self._ready = ReadyShards()
        self._actor: ActorRef[ShardActor] | None = None

    def start(self) -> None:
        """Start the actor."""
        self._actor = ShardActor.start(self._ready, self.outbox)

    def wake(self, shard: Served) -> None:
        """Have a shard served."""
        if self._ready.put(shard) and self._actor is not None:
            try:
                self._actor.tell(WAKE)
            except ActorDeadError:
                return  # stopped: whoever stopped it answers what is in the mailboxes

    def stop(self) -> None:
        """End the actor once it has served what is ready."""
        if self._actor is not None:
            self._actor.stop(block=False)
