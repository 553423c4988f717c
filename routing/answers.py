"""What a node answers another: a tagged msgpack array `[kind, id, …]` each, one kind per reply and state.

A state names its schema in its kind: a node of another version, which lays that state out otherwise, does not
misread it but says that it does not understand.
"""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
from kinelog.actors import answers
from kinelog.actors.answers import Accepted, Answer, LogPosition, Unavailable
from kinelog.domain.errors import Rejection
from kinelog.domain.replies import Done, FramesRecorded, PairingAccepted, SetRecorded, TokenAccepted
from kinelog.domain.states import SessionState, TenantState, UserState
from kinelog.routing.node_status import NodeStatus
from kinelog.routing.questions import Id
from msgspec import Meta

Wait = Annotated[float, Meta(ge=0.0, le=3_600.0)]
Reason = Annotated[str, Meta(max_length=64)]


class AcceptedAnswer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The command was decided and committed; `shard` and `position` say where in the log."""

    id: Id
    shard: int
    position: int
    reply: object


class RefusedAnswer(msgspec.Struct, frozen=True, array_like=True, tag="refused", gc=False):
    """The state machine refused."""

    id: Id
    rejection: Rejection


class ErasedAnswer(msgspec.Struct, frozen=True, array_like=True, tag="erased", gc=False):
    """There is no such person any more."""

    id: Id


class UnavailableAnswer(msgspec.Struct, frozen=True, array_like=True, tag="unavailable", gc=False):
    """Nothing was acknowledged, for this reason."""

    id: Id
    reason: Reason
    retry_after_s: Wait


class FullAnswer(msgspec.Struct, frozen=True, array_like=True, tag="full", gc=False):
    """Too much waits in front of the shard, or of the whole node: back-pressure (429 in the end)."""

    id: Id
    shard: int
    retry_after_s: Wait


class ElsewhereAnswer(msgspec.Struct, frozen=True, array_like=True, tag="elsewhere", gc=False):
    """The shard is not served by this node; `holder` still serves it, where this node is to take it over."""

    id: Id
    shard: int
    holder: Annotated[str, Meta(max_length=63)] | None


class Released(msgspec.Struct, frozen=True, array_like=True, tag="released", gc=False):
    """The shard is let go, or never was here."""

    id: Id


class Status(msgspec.Struct, frozen=True, array_like=True, tag="status", gc=False):
    """How the node is."""

    id: Id
    status: NodeStatus


class Draining(msgspec.Struct, frozen=True, array_like=True, tag="draining", gc=False):
    """The node has begun to let go."""

    id: Id


class Pong(msgspec.Struct, frozen=True, array_like=True, tag="pong", gc=False):
    """Somebody is there."""

    id: Id


REPLIES: dict[str, type[msgspec.Struct]] = {
    **{kind.__name__: kind for kind in (Done, FramesRecorded, SetRecorded, TokenAccepted, PairingAccepted, Rejection)},
    **{f"{kind.__name__}/{kind.schema}": kind for kind in (UserState, SessionState, TenantState)},
}
"""Whatever an accepted command may answer, by its name on the channel."""


def _accepted_of(name: str, kind: type[msgspec.Struct]) -> type[AcceptedAnswer]:
    made = msgspec.defstruct(
        f"Accepted{kind.__name__}",
        [("reply", kind)],
        bases=(AcceptedAnswer,),
        frozen=True,
        array_like=True,
        gc=False,
        tag=f"accepted/{name}",
    )
    return cast("type[AcceptedAnswer]", made)  # its base says so


ACCEPTED_TYPES: dict[type[object], type[AcceptedAnswer]] = {
    kind: _accepted_of(name, kind) for name, kind in REPLIES.items()
}

Reply = (
    AcceptedAnswer
    | RefusedAnswer
    | ErasedAnswer
    | UnavailableAnswer
    | FullAnswer
    | ElsewhereAnswer
    | Released
    | Status
    | Draining
    | Pong
)
REPLY_TYPES: tuple[type[Reply], ...] = (
    *ACCEPTED_TYPES.values(), RefusedAnswer, ErasedAnswer, UnavailableAnswer, FullAnswer, ElsewhereAnswer, Released,
    Status, Draining, Pong,
)  # fmt: skip


def message_of(number: int, answer: Answer) -> Reply:
    """The message that carries an answer to question `number`.

    Raises:
        TypeError: The command's reply is none that the channel knows: a defect, `REPLIES` lacks it.
    """
    if type(answer) is Accepted:
        kind = ACCEPTED_TYPES.get(type(answer.reply))
        if kind is None:
            raise TypeError(f"a reply of type {type(answer.reply).__name__} cannot travel between nodes")
        return kind(number, answer.at.shard, answer.at.position, answer.reply)
    if isinstance(answer, answers.Refused):
        return RefusedAnswer(number, answer.rejection)
    if isinstance(answer, Unavailable):
        return UnavailableAnswer(number, answer.reason, min(max(answer.retry_after_s, 0.0), 3_600.0))
    return ErasedAnswer(number)


def answer_of(message: Reply) -> Answer | None:
    """The answer that a message carries, or None where it is about something else."""
    if isinstance(message, AcceptedAnswer):
        return Accepted(message.reply, LogPosition(message.shard, message.position))
    if isinstance(message, RefusedAnswer):
        return answers.Refused(message.rejection)
    if isinstance(message, UnavailableAnswer):
        return Unavailable(message.reason, message.retry_after_s)
    return answers.Erased() if isinstance(message, ErasedAnswer) else None
