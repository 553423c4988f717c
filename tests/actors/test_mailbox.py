"""The mailbox in front of a shard: bounded, and one wake-up at a time."""

from __future__ import annotations

import pytest
from kinelog.actors.errors import MailboxFullError, NotOwnerError, StoppingError
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
    mailbox.take(RUNNER)
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
    messages, commands = mailbox.take(RUNNER)
    assert (len(messages), len(commands)) == (1, 2)
    assert not mailbox.post(Ticked())  # still awake: it looks again before it sleeps
    mailbox.take(RUNNER)
    assert mailbox.take(RUNNER) == ([], [])
    assert mailbox.post(Ticked())


def test_without_an_actor_nobody_is_woken_and_the_next_actor_is() -> None:
    mailbox = Mailbox(0, 3, 100)
    assert not mailbox.put(PENDING, 1)
    assert mailbox.open(RUNNER)


def test_closing_hands_the_commands_back_and_voids_the_messages() -> None:
    mailbox = opened()
    mailbox.put(PENDING, 1)
    mailbox.post(Ticked())
    assert mailbox.close() == [PENDING]
    assert not mailbox.open(RUNNER)
    mailbox.close()
    mailbox.refuse(lambda: StoppingError("gone"))
    with pytest.raises(StoppingError):
        mailbox.put(PENDING, 1)


def test_an_answer_to_one_that_serves_no_more_is_dropped_and_wakes_nobody() -> None:
    mailbox = opened()
    mailbox.close()
    successor = object()
    mailbox.open(successor)
    assert not mailbox.post(Ticked(), RUNNER)
    assert mailbox.take(successor) == ([], [])
    assert mailbox.post(Ticked(), successor)
    assert len(mailbox.take(successor)[0]) == 1


def test_what_came_for_a_successor_is_not_taken_by_the_one_before() -> None:
    mailbox = opened()
    mailbox.close()
    successor = object()
    mailbox.put(PENDING, 1)
    assert mailbox.open(successor)
    assert mailbox.take(RUNNER) == ([], [])
    assert mailbox.take(successor) == ([], [PENDING])


def test_a_mailbox_that_refused_takes_commands_again() -> None:
    mailbox = opened()
    mailbox.refuse(lambda: NotOwnerError(0))
    with pytest.raises(NotOwnerError):
        mailbox.put(PENDING, 1)
    assert mailbox.post(Ticked()), "what is under way ends all the same"
    mailbox.refuse(None)
    mailbox.put(PENDING, 1)
    assert mailbox.depth == 1
