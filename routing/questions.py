"""What one node asks another: a tagged msgpack array `[kind, id, …]` each, one kind per command.

A command travels as a map by field names: a field with a default that one side does not know yet is left out or
ignored, so that nodes of neighbouring versions understand each other. A kind that is not known is refused by itself.
"""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
from kinelog.domain.commands import PERSON_COMMANDS, QUERIES, SESSION_COMMANDS, TENANT_COMMANDS, Command
from kinelog.domain.identifiers import Person
from msgspec import Meta

Tenant = Annotated[str, Meta(max_length=32)]
Pseudonym = Annotated[str, Meta(max_length=32)]
Trace = Annotated[str, Meta(max_length=64)]
Id = Annotated[int, Meta(ge=0, lt=1 << 62)]
Milliseconds = Annotated[int, Meta(ge=0, le=3_600_000)]
Shard = Annotated[int, Meta(ge=0, le=65_535)]
MOST_HOPS = 2


class Ask(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Have a command decided.

    Attributes:
        id: By which the answer names it; unique on the connection.
        within_ms: How long the asker waits still; less at each hop.
        hops: Which hop this is, 1 or 2.
        trace: The asker's trace (`traceparent`), or None.
        tenant: Of the person.
        pseudonym: Of the person.
        command: What is asked.
    """

    id: Id
    within_ms: Milliseconds
    hops: Annotated[int, Meta(ge=1, le=MOST_HOPS)]
    trace: Trace | None
    tenant: Tenant
    pseudonym: Pseudonym
    command: Command

    @property
    def person(self) -> Person:
        """Whom the command is for."""
        return Person(self.tenant, self.pseudonym)


class Release(msgspec.Struct, frozen=True, array_like=True, tag="release", gc=False):
    """Let a shard go in order; answered with `Released` when nothing of it is left here."""

    id: Id
    within_ms: Milliseconds
    shard: Shard


class AskStatus(msgspec.Struct, frozen=True, array_like=True, tag="status", gc=False):
    """How the node is; answered with `Status`."""

    id: Id
    within_ms: Milliseconds


class Drain(msgspec.Struct, frozen=True, array_like=True, tag="drain", gc=False):
    """Own nothing any more; answered with `Draining` at once."""

    id: Id
    within_ms: Milliseconds


class Ping(msgspec.Struct, frozen=True, array_like=True, tag="ping", gc=False):
    """Is anybody there; answered with `Pong`."""

    id: Id


COMMANDS: dict[str, type[Command]] = {
    kind.__name__: kind for kind in (*PERSON_COMMANDS, *SESSION_COMMANDS, *TENANT_COMMANDS, *QUERIES)
}
"""Every command by its name."""

ASK_TAG = "ask/"


def _ask_of(kind: type[Command]) -> type[Ask]:
    made = msgspec.defstruct(
        f"Ask{kind.__name__}",
        [("command", kind)],
        bases=(Ask,),
        frozen=True,
        array_like=True,
        gc=False,
        tag=ASK_TAG + kind.__name__,
    )
    return cast("type[Ask]", made)  # its base says so


ASK_TYPES: dict[type[Command], type[Ask]] = {kind: _ask_of(kind) for kind in COMMANDS.values()}
"""Which message carries a command."""

Question = Ask | Release | AskStatus | Drain | Ping
QUESTION_TYPES: tuple[type[Question], ...] = (*ASK_TYPES.values(), Release, AskStatus, Drain, Ping)
