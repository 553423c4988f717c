"""Does what a shard's machine wants done: the only place where a shard touches the store, the keys and the clock."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import cast

from kinelog.actors import commit_traces, effects, messages, snapshots
from kinelog.actors.answers import Answer
from kinelog.actors.commit_traces import TracedTickets
from kinelog.actors.effects import Effect
from kinelog.actors.mailbox import Mailbox
from kinelog.actors.messages import Message, Pending
from kinelog.actors.restoration import forget_people, restore_shard
from kinelog.actors.shard_machine import ShardMachine
from kinelog.actors.surroundings import Surroundings
from kinelog.actors.tickets import Outbox, Ticket
from kinelog.domain.identifiers import Person
from kinelog.journal.errors import (
    CommitTooLargeError,
    FencedError,
    JournalError,
    StorageFullError,
    UnavailableError,
)
from kinelog.observability.json_logs import of_shard
from kinelog.privacy.errors import ErasedPersonError, PrivacyError, UnknownPersonError

_LOG = logging.getLogger(__name__)


class EffectRunner:
    """Runs one machine: steps it, does its effects in order, tells it what became of them. One thread at a time.

    The thread serves other shards too, so nothing here waits for the store: a commit is handed over (the one in flight;
    what arrives meanwhile gathers for the next), slow reading goes to the pool, and what became of it comes back
    through the mailbox.
    """

    def __init__(
        self,
        machine: ShardMachine,
        mailbox: Mailbox,
        around: Surroundings,
        outbox: Outbox,
        wake: Callable[[], None],
    ) -> None:
        self.machine = machine
        self._unanswered: dict[Ticket, Ticket] = {}
        self._traced = TracedTickets()
        self.released = False
        self._defect: Exception | None = None
        self._mailbox = mailbox
        self._around = around
        self._outbox = outbox
        self._wake = wake
        self._doing: dict[type[Effect], Callable[..., Message | None]] = {
            # Apart from recoveries: a failed node's shards must not wait behind the people of the first of them.
            effects.Acquire: self._in_background(self._acquire, around.steps, "acquisition_seconds"),
            effects.Restore: self._in_background(self._restore, around.steps, "acquisition_seconds"),
            effects.Recover: self._in_background(self._recover, around.pool, "recovery_seconds"),
            effects.Commit: self._commit,
            effects.Judge: self._in_background(self._judge, around.steps),
            effects.ProveOwnership: self._prove,
            effects.Forget: self._in_background(self._forget, around.steps),
            effects.Gather: self._gather,
            effects.Reply: self._reply,
            effects.SaveSnapshot: self._save_snapshot,
            effects.SaveShardSnapshot: self._save_shard_snapshot,
            effects.ReportDefect: self._report,
            effects.Released: self._release,
        }

    @property
    def _known(self) -> Mapping[str, int]:
        """What lines of the log say of the shard beside their message."""
        return of_shard(self.machine.shard, self.machine.epoch)

    def run(self, incoming: list[Message], commands: list[Pending]) -> None:
        """Take in what came, and go on until the machine wants nothing more."""
        work: deque[Message] = deque()
        if commands:
            tickets = [cast("Ticket", pending.ticket) for pending in commands]
            self._unanswered.update(zip(tickets, tickets, strict=True))
            self._traced.taken(tickets)
            # Before the messages: one of them may ask for the end, and what was taken in before that is served.
            work.append(messages.Submitted(commands))
        work.extend(incoming)
        if self._defect is not None:
            raise self._defect
        machine, clock = self.machine, self._around.clock
        while work:
            entropy = self._around.entropy()
            if self._traced:
                entropy = self._traced.commit_id(entropy)
            for effect in machine.step(work.popleft(), clock(), entropy):
                answer = self._doing[type(effect)](effect)
                if answer is not None:
                    work.append(answer)

    def take_unanswered(self) -> list[Ticket]:
        """Every ticket that was taken in and not answered, from any thread; whoever takes it answers it."""
        taken: list[Ticket] = []
        while self._unanswered:
            try:
                taken.append(self._unanswered.popitem()[0])
            except KeyError:  # the shard's own thread was faster
                break
        return taken

    def _commit(self, effect: effects.Commit) -> Message | None:
        around = self._around
        seal = around.codec.seal
        try:
            stored = [seal(entity, sequence, event) for entity, sequence, event in effect.events]
        except (ErasedPersonError, UnknownPersonError) as error:
            return messages.KeyMissing(Person(error.tenant, error.pseudonym))
        except PrivacyError as error:
            _LOG.error("shard %d: events could not be sealed: %s", self.machine.shard, error, extra=self._known)
            return messages.CommitFailed("store-unavailable")
        around.busy.begin()
        try:
            ended = commit_traces.traced(self.machine.shard, effect, self._commit_ended)
            around.journal.commit_soon(self.machine.shard, effect.epoch, effect.after, effect.commit_id, stored, ended)
        except Exception:
            around.busy.end()  # a defect: nobody will be called
            raise
        return None

    def _commit_ended(self, outcome: int | JournalError) -> None:
        self._around.busy.end()
        self._tell(_failed_commit(outcome) if isinstance(outcome, JournalError) else messages.Committed(outcome))

    def _gather(self, effect: effects.Gather) -> Message | None:
        if not self._around.busy.others:
            return messages.Gathered(effect.number, waited=False)
        gathered = messages.Gathered(effect.number, waited=True)
        self._around.delays.later(effect.wait_ms, partial(self._tell, gathered))
        return None

    def _tell(self, message: Message) -> None:
        """Hand the machine what became of an effect, from any thread."""
        if self._mailbox.post(message, self):
            self._wake()

    def _in_background(self, work: Callable[..., Message], pool: Executor, timed: str = "") -> Callable[..., None]:
        def start(effect: Effect) -> None:
            pool.submit(finish, effect)

        def finish(effect: Effect) -> None:
            began = time.perf_counter()
            try:
                self._tell(work(effect))
            except Exception as error:  # noqa: BLE001 - on a pool's thread nobody would hear of it
                # The shard waits for this answer: it crashes instead, and its supervisor starts it again.
                self._defect = error
                self._tell(messages.Ticked())
            finally:
                if timed:
                    self.machine.counts.add_seconds(timed, time.perf_counter() - began)

        return start

    def _reply(self, effect: effects.Reply) -> None:
        # Whoever takes a ticket out answers it: so it is answered once, even if the region gave up waiting for us.
        take = self._unanswered.pop
        mine: list[tuple[Ticket, Answer]] = []
        size = 0
        for entry in cast("list[tuple[Ticket, Answer]]", effect.answers):
            ticket = take(entry[0], None)
            if ticket is not None:
                mine.append(entry)
                size += ticket.size
        self._traced.answered(mine)
        self._mailbox.answered(len(mine), size)
        self._outbox.add(mine)

    def _prove(self, effect: effects.ProveOwnership) -> Message | None:
        here = threading.get_ident()
        at_once: list[Message] = []

        def ended(outcome: bool | JournalError) -> None:  # noqa: FBT001 - the port's signature
            message = self._proof(outcome)
            # A store in this process answers at once, on this very thread, which need not be woken then.
            if threading.get_ident() == here:
                at_once.append(message)
            else:
                self._tell(message)

        self._around.journal.owns_soon(self.machine.shard, effect.epoch, ended)
        return at_once[0] if at_once else None

    def _proof(self, outcome: bool | JournalError) -> Message:  # noqa: FBT001 - the port's signature
        if isinstance(outcome, JournalError):
            _LOG.warning("shard %d: ownership could not be proven: %s", self.machine.shard, outcome, extra=self._known)
            return messages.ProofFailed()
        return messages.Owned() if outcome else messages.Fenced()

    def _acquire(self, _effect: effects.Acquire) -> Message:
        shard = self.machine.shard
        if self._around.lease.over:
            # Woken from a long sleep, say: somebody else may own the shard by now, and must not be fenced off by us.
            _LOG.warning("shard %d is not acquired: the lease is over", shard, extra=self._known)
            return messages.AcquireFailed("moved")
        try:
            acquired = self._around.journal.acquire(shard, self._around.owner())
        except JournalError as error:
            _LOG.warning("shard %d could not be acquired: %s", shard, error, extra=self._known)
            return messages.AcquireFailed()
        known = of_shard(shard, acquired.epoch)
        _LOG.info("shard %d acquired: epoch %d, head %d", shard, acquired.epoch, acquired.head, extra=known)
        return messages.Acquired(acquired.epoch, acquired.head)

    def _restore(self, effect: effects.Restore) -> Message:
        shard = self.machine.shard
        try:
            return restore_shard(self._around.journal, self._around.keys, shard, effect.head)
        except (JournalError, PrivacyError) as error:
            _LOG.error("shard %d: its open sessions could not be read: %s", shard, error, extra=self._known)
            return messages.RestoreFailed()

    def _judge(self, effect: effects.Judge) -> Message:
        shard = self.machine.shard
        try:
            outcome = self._around.journal.outcome(shard, effect.epoch, effect.after, effect.commit_id)
        except JournalError as error:
            _LOG.warning("shard %d: a commit could not be judged: %s", shard, error, extra=self._known)
            return messages.JudgeFailed()
        return messages.Judged(outcome)

    def _forget(self, effect: effects.Forget) -> Message:
        try:
            forget_people(self._around.journal, self._around.keys, effect.people)
        except (JournalError, PrivacyError, OSError) as error:
            _LOG.error("shard %d: keys could not be destroyed yet: %s", self.machine.shard, error, extra=self._known)
            return messages.ForgetFailed()
        return messages.Forgotten()

    def _recover(self, effect: effects.Recover) -> Message:
        return self._around.recoverer.recover(effect.entity, effect.recovery)

    def _report(self, effect: effects.ReportDefect) -> None:
        who = f"{effect.person.tenant}/{effect.person.pseudonym}"
        known = {"tenant": effect.person.tenant, **self._known}
        _LOG.error("deciding %s of %s raised", effect.command, who, exc_info=effect.error, extra=known)

    def _release(self, _effect: effects.Released) -> None:
        self.released = True

    def _save_snapshot(self, effect: effects.SaveSnapshot) -> None:
        self._around.pool.submit(self._save_snapshot_in_background, effect)

    def _save_snapshot_in_background(self, effect: effects.SaveSnapshot) -> None:
        around = self._around
        try:
            around.journal.save_snapshot(
                snapshots.seal_state(effect.entity, effect.sequence, effect.state, around.clock(), around.keys)
            )
        except ErasedPersonError:
            _LOG.debug("no snapshot of an erased person")
        except (JournalError, PrivacyError) as error:
            _LOG.warning("a snapshot of %s was not saved: %s", effect.entity, error)

    def _save_shard_snapshot(self, effect: effects.SaveShardSnapshot) -> None:
        self._around.pool.submit(self._save_shard_snapshot_in_background, effect)

    def _save_shard_snapshot_in_background(self, effect: effects.SaveShardSnapshot) -> None:
        around, shard = self._around, self.machine.shard
        try:
            around.journal.save_snapshot(
                snapshots.seal_sessions(shard, effect.position, effect.sessions, around.clock())
            )
        except JournalError as error:
            _LOG.warning("the open sessions of shard %d were not saved: %s", shard, error, extra=self._known)


def _failed_commit(error: JournalError) -> Message:
    match error:
        case FencedError():
            return messages.Fenced()
        case CommitTooLargeError():
            return messages.CommitTooLarge()
        case StorageFullError():
            return messages.CommitFailed("storage-full")
        case UnavailableError():
            return messages.CommitFailed("store-unavailable")
        case _:
            # `UnknownOutcomeError`, and whatever an adapter may raise one day: what is not known is not assumed.
            return messages.OutcomeUnknown()
