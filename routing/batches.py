"""Batches of messages ⇄ msgpack: one array of messages a batch, encoded and decoded in one call.

Only where a batch does not decode is it looked at message by message: one command of a newer version must not spoil
the others that travel with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from types import GenericAlias
from typing import Generic, TypeVar, cast

import msgspec
from kinelog.routing.answers import REPLY_TYPES, Reply
from kinelog.routing.errors import UNREADABLE, MessageError
from kinelog.routing.questions import QUESTION_TYPES, Question

M = TypeVar("M")

_ENCODER = msgspec.msgpack.Encoder()
_APART = msgspec.msgpack.Decoder(list[msgspec.Raw])
_KIND = msgspec.msgpack.Decoder(str)
_NUMBER = msgspec.msgpack.Decoder(int)
MOST_IN_BATCH = 65_536


class Unreadable(msgspec.Struct, frozen=True):
    """A message of which only kind and number can be read.

    Attributes:
        kind: As its sender calls it.
        id: By which an answer names it.
        why: What is wrong, for the log.
    """

    kind: str
    id: int
    why: str


class BatchDecoder(Generic[M]):
    """Reads batches of one direction."""

    def __init__(self, kinds: tuple[type[M], ...]) -> None:
        """Of messages of these kinds."""
        any_kind = reduce(or_, kinds)
        self._batch = msgspec.msgpack.Decoder(cast("type[list[M]]", GenericAlias(list, (any_kind,))))
        self._one = msgspec.msgpack.Decoder(any_kind)

    def decode(self, payload: bytes) -> Sequence[M | Unreadable]:
        """The messages of a batch, in order.

        Raises:
            MessageError: It is no batch of messages at all.
        """
        try:
            return self._batch.decode(payload)
        except UNREADABLE:
            return self._apart(payload)

    def _apart(self, payload: bytes) -> Sequence[M | Unreadable]:
        try:
            return [self._decode_one(part) for part in _APART.decode(payload)]
        except UNREADABLE as error:
            raise MessageError(f"not a batch of messages: {_first_words(error)}") from error

    def _decode_one(self, part: msgspec.Raw) -> M | Unreadable:
        try:
            return self._one.decode(part)
        except UNREADABLE as error:
            fields = _APART.decode(part)
            if len(fields) < 2:
                raise MessageError("a message without kind and number") from error
            number = _NUMBER.decode(fields[1])
            if not 0 <= number < 1 << 62:
                raise MessageError("a message's number is out of range") from error
            return Unreadable(_KIND.decode(fields[0])[:80], number, _first_words(error))


def encode_batch(messages: Sequence[object]) -> bytes:
    """One batch."""
    return _ENCODER.encode(messages)


def _first_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]


QUESTIONS: BatchDecoder[Question] = BatchDecoder(QUESTION_TYPES)
ANSWERS: BatchDecoder[Reply] = BatchDecoder(REPLY_TYPES)
