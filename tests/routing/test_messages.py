"""Every command, every reply and every answer is the same after the journey; what is none harms nobody."""

from __future__ import annotations

import inspect
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.actors.answers import Accepted, Erased, LogPosition, Refused, Unavailable
from kinelog.domain import replies
from kinelog.domain.commands import Command, ReadUser
from kinelog.domain.decider import State
from kinelog.domain.errors import Rejection
from kinelog.routing.answers import (
    REPLIES,
    Draining,
    ElsewhereAnswer,
    FullAnswer,
    Pong,
    Released,
    Reply,
    Status,
    answer_of,
    message_of,
)
from kinelog.routing.batches import ANSWERS, QUESTIONS, Unreadable, encode_batch
from kinelog.routing.errors import MessageError
from kinelog.routing.node_status import NodeStatus
from kinelog.routing.questions import ASK_TYPES, COMMANDS, Ask, AskStatus, Drain, Ping, Question, Release

from tests.routing.values import values_of

QUICK = settings(max_examples=15, deadline=None)


def subclasses_of(kind: type[Command]) -> set[type[Command]]:
    direct = set(kind.__subclasses__())
    return direct | {deeper for one in direct for deeper in subclasses_of(one)}


def test_every_command_of_the_domain_has_a_message() -> None:
    commands = {kind for kind in subclasses_of(Command) if kind.__module__.startswith("kinelog.")}
    assert set(COMMANDS.values()) == set(ASK_TYPES) == commands


def test_every_reply_and_state_of_the_domain_has_a_message() -> None:
    made = {kind for _, kind in inspect.getmembers(replies, inspect.isclass) if issubclass(kind, msgspec.Struct)}
    parts = {replies.FrameOutcome}  # a part of `FramesRecorded`
    assert set(REPLIES.values()) == made - parts | {Rejection, *State.__args__}


@pytest.mark.parametrize("kind", COMMANDS.values(), ids=COMMANDS)
@given(data=st.data())
@QUICK
def test_a_command_is_the_same_after_the_journey(kind: type[Command], data: st.DataObject) -> None:
    command = data.draw(values_of(kind))
    question = ASK_TYPES[kind](7, 4_000, 1, "00-trace", "acme", "0" * 32, command)
    assert QUESTIONS.decode(encode_batch([question])) == [question]


@pytest.mark.parametrize("kind", REPLIES.values(), ids=REPLIES)
@given(data=st.data())
@QUICK
def test_a_reply_is_the_same_after_the_journey(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    answer = Accepted(data.draw(values_of(kind)), LogPosition(3, 2**40))
    (message,) = ANSWERS.decode(encode_batch([message_of(9, answer)]))
    assert not isinstance(message, Unreadable)
    assert message.id == 9
    assert answer_of(message) == answer


@given(values_of(Refused) | values_of(Erased) | st.builds(Unavailable, st.text(max_size=20), st.floats(0, 60)))
@QUICK
def test_what_is_not_accepted_is_the_same_after_the_journey(answer: Refused | Erased | Unavailable) -> None:
    (message,) = ANSWERS.decode(encode_batch([message_of(9, answer)]))
    assert not isinstance(message, Unreadable)
    assert answer_of(message) == answer


@pytest.mark.parametrize("question", [Release(1, 2_000, 3), AskStatus(2, 9), Drain(3, 9), Ping(4)], ids=repr)
def test_other_questions_are_the_same_after_the_journey(question: Question) -> None:
    assert QUESTIONS.decode(encode_batch([question])) == [question]


@given(values_of(NodeStatus))
@QUICK
def test_other_answers_are_the_same_after_the_journey(status: NodeStatus) -> None:
    answers: list[Reply] = [
        FullAnswer(1, 2, 0.5), ElsewhereAnswer(2, 3, "b"), ElsewhereAnswer(2, 3, None), Released(3), Draining(4),
        Pong(5), Status(6, status),
    ]  # fmt: skip
    assert ANSWERS.decode(encode_batch(answers)) == answers
    assert all(answer_of(answer) is None for answer in answers)


def test_a_reply_that_has_no_message_is_a_defect_and_says_so() -> None:
    with pytest.raises(TypeError, match="int cannot travel"):
        message_of(1, Accepted(3, LogPosition(0, 0)))


def test_a_command_of_the_next_version_spoils_no_other_in_its_batch() -> None:
    known = ASK_TYPES[ReadUser](1, 100, 1, None, "acme", "@", ReadUser(at_ms=1))
    batch = msgspec.msgpack.encode([known, ["ask/Teleport", 2, 100, 1, None, "acme", "@", {}], Ping(3)])
    first, second, third = QUESTIONS.decode(batch)
    assert (first, third) == (known, Ping(3))
    assert isinstance(second, Unreadable)
    assert (second.kind, second.id) == ("ask/Teleport", 2)


def test_a_field_of_the_next_version_is_left_out() -> None:
    later = msgspec.msgpack.encode([["ask/ReadUser", 1, 100, 1, None, "acme", "@", {"at_ms": 1, "colour": "red"}]])
    (question,) = QUESTIONS.decode(later)
    assert isinstance(question, Ask)
    assert question.command == ReadUser(at_ms=1)


@pytest.mark.parametrize(
    "fields",
    [
        ["ask/ReadUser", 1, -1, 1, None, "acme", "@", {"at_ms": 1}],
        ["ask/ReadUser", 1, 100, 3, None, "acme", "@", {"at_ms": 1}],
        ["ask/ReadUser", 1, 100, 1, "x" * 65, "acme", "@", {"at_ms": 1}],
        ["ask/ReadUser", 1, 100, 1, None, "a" * 33, "@", {"at_ms": 1}],
        ["ask/ReadUser", 1, 100, 1, None, "acme", "@", {}],
        ["ask/RecordFrames", 1, 100, 1, None, "acme", "@", {"at_ms": 1, "session": "s", "frames": [7]}],
        ["release", 1, 100, 1 << 20],
    ],
    ids=["time", "hops", "trace", "tenant", "field", "frame", "shard"],
)
def test_a_field_out_of_bounds_is_not_read(fields: list[object]) -> None:
    (question,) = QUESTIONS.decode(msgspec.msgpack.encode([fields]))
    assert isinstance(question, Unreadable)


def nested(depth: int) -> bytes:
    return b"\x91" * depth + b"\x01"


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"\xc1", b"\x01", nested(100_000), b"\x91" + nested(100_000), b"\xdd\xff\xff\xff\xff",
        b"\x91\x92\xa4ping\xa1x", b"\x91\x92\xa4ping\xff", b"\x91\x91\xa4ping", b"\x91\x92\x01\x01",
        b"\x91\xdf\xff\xff\xff\xff", b"\x91\x92\xa4ping\xcf" + b"\xff" * 8,
    ],
    ids=[
        "empty", "reserved", "number", "deep", "deep message", "long list", "words for a number", "negative",
        "no number", "no kind", "long map", "huge number",
    ],
)  # fmt: skip
def test_what_is_no_batch_is_refused_in_words(payload: bytes) -> None:
    with pytest.raises(MessageError):
        QUESTIONS.decode(payload)


def test_a_reason_that_is_nested_too_deep_is_no_answer() -> None:
    deep = b"\x91\x93\xa7refused\x01\x82\xa4code\xa1x\xa6detail" + nested(50_000)
    with pytest.raises(MessageError):
        ANSWERS.decode(deep)


@given(st.binary(max_size=64) | st.lists(st.binary(max_size=8), max_size=4).map(msgspec.msgpack.encode))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_batch_or_refused(payload: bytes) -> None:
    for decoder in (QUESTIONS, ANSWERS):
        with suppress(MessageError):  # and nothing else
            decoder.decode(payload)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_batch_that_was_changed_anywhere_is_a_batch_or_refused(data: st.DataObject) -> None:
    batch = bytearray(
        encode_batch([ASK_TYPES[ReadUser](1, 100, 1, None, "acme", "@", ReadUser(at_ms=1)), Release(2, 5, 1)])
    )
    for _ in range(data.draw(st.integers(1, 4))):
        batch[data.draw(st.integers(0, len(batch) - 1))] = data.draw(st.integers(0, 255))
    with suppress(MessageError):  # and nothing else
        QUESTIONS.decode(bytes(batch))
