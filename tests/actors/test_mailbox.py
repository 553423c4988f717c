"""The mailbox in front of a shard: bounded, and one wake-up at a time."""

from __future__ import annotations

import pytest
from kinelog.actors.errors import MailboxFullError, StoppingError
from kinelog.actors.mailbox import Mailbox
from kinelog.actors.messages import Pending, Ticked
from kinelog.domain.commands import ReadUser
from kinelog.domain.identifiers import Person

RUNNER = object()
PENDING = Pending(Person("demo", "0" * 32), ReadUser(at_ms=0), None)


def opened(commands: int = 3, size: int = 1_000) -> Mailbox:
    mailbox = Mailbox(0, commands, size)
    mailbox.open(RUNNER)
    return mailbox


def test_commands_are_bounded_until_they_are_answered_not_until_they_are_taken() -> None:
    mailbox = opened(commands=2)
    mailbox.put(PENDING, 1)
    mailbox.put(PENDING, 1)
    mailbox.take()
    with pytest.raises(MailboxFullError):
        mailbox.put(PENDING, 1)
    mailbox.answered(1, 1)
    mailbox.put(PENDING, 1)
    assert mailbox.depth == 2


def test_bytes_are_bounded_but_one_large_command_always_gets_in() -> None:
    mailbox = opened(size=100)
    mailbox.put(PENDING, 1_000)
    with pytest.raises(MailboxFullError):
        mailbox.put(PENDING, 1)
    mailbox.answered(1, 1_000)
    mailbox.put(PENDING, 60)
    with pytest.raises(MailboxFullError):
        mailbox.put(PENDING, 60)


def test_a_shard_is_woken_once_until_it_finds_nothing() -> None:
    mailbox = opened()
    assert mailbox.put(PENDING, 1)
    assert not mailbox.put(PENDING, 1)
    assert not mailbox.post(Ticked())
    messages, commands = mailbox.take()
    assert (len(messages), len(commands)) == (1, 2)
    assert not mailbox.post(Ticked())  # still awake: it looks again before it sleeps
    mailbox.take()
    assert mailbox.take() == ([], [])
    assert mailbox.post(Ticked())


def test_without_an_actor_nobody_is_woken_and_the_next_actor_is() -> None:
    mailbox = Mailbox(0, 3, 100)
    assert not mailbox.put(PENDING, 1)
    assert mailbox.open(RUNNER)


def test_closing_hands_the_commands_back_and_voids_the_messages() -> None:
    mailbox = opened()
    mailbox.put(PENDING, 1)
    mailbox.post(Ticked())
    assert mailbox.close(for_good=False) == [PENDING]
    assert not mailbox.open(RUNNER)
    mailbox.close(for_good=True)
    with pytest.raises(StoppingError):
        mailbox.put(PENDING, 1)


def test_an_answer_to_one_that_serves_no_more_is_dropped_and_wakes_nobody() -> None:
    mailbox = opened()
    mailbox.close(for_good=False)
    successor = object()
    mailbox.open(successor)
    assert not mailbox.post(Ticked(), RUNNER)
    assert mailbox.take() == ([], [])
    assert mailbox.post(Ticked(), successor)
    assert len(mailbox.take()[0]) == 1
