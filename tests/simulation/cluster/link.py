"""The way from a client to the cluster and back: late, lost, out of order, and sometimes done without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random

from kinelog.cassandra_session.connection import Access, Conditional, Row, Statement, Value
from kinelog.cassandra_session.errors import CassandraError, UnknownWriteError, UnreachableError

from tests.simulation.clockwork import START_MS, Clockwork
from tests.simulation.cluster.faults import ClusterFaults
from tests.simulation.cluster.model import Cluster

Answer = Conditional | list[Row]
Heard = Callable[[Answer | CassandraError], None]
Observe = Callable[[Answer], None]
"""Called at the moment the cluster runs the statement: for the history, which knows more than any client."""


class Link:
    """Brings statements to the cluster. Two clients' statements overtake each other; one client waits for its own."""

    def __init__(
        self,
        clockwork: Clockwork,
        rng: Random,
        cluster: Cluster,
        faults: ClusterFaults,
        faulty: Callable[[], bool],
        note: Callable[[str], None],
    ) -> None:
        self._clockwork = clockwork
        self.rng = rng
        self.cluster = cluster
        self.faults = faults
        self._faulty = faulty
        self._note = note
        self.met: Counter[str] = Counter()

    def send(self, statement: Statement, values: tuple[Value, ...], observe: Observe, heard: Heard) -> None:
        """Send a statement; `heard` is called once, with the answer or the error."""
        arrive = partial(self._arrive, statement, values, observe, heard)
        self._clockwork.later(self._delay(), arrive)

    def reachable(self) -> bool:
        """Whether the cluster takes a statement now."""
        if self.happens(self.faults.refused):
            return False
        since = self._clockwork.now_ms - START_MS
        return not (self._faulty() and any(begin <= since < end for begin, end in self.faults.outages))

    def pass_time(self, length_ms: int | None) -> None:
        """Let everybody else go on for a while (None: as long as a statement takes one way)."""
        self._clockwork.run_until(self._clockwork.now_ms + (self._delay() if length_ms is None else length_ms))

    def decide_later(self, statement: Statement, values: tuple[Value, ...]) -> None:
        """Let a conditional write arrive long after its client gave it up."""
        self.later(
            self.faults.timeout_ms + self.rng.randint(1, self.faults.late_ms),
            lambda: self._apply_late(statement, values, lambda _answer: None),
        )

    def later(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Let something arrive after a while."""
        self._clockwork.later(delay_ms, action)

    def clock_us(self) -> int:
        """What a client's clock says now: what its writes are stamped with if they do not say."""
        return self.cluster.clock_us()

    def _arrive(self, statement: Statement, values: tuple[Value, ...], observe: Observe, heard: Heard) -> None:
        if not self.reachable():
            self.met["unreachable"] += 1
            self._answer(heard, UnreachableError("no coordinator takes the statement"))
        elif statement.access is not Access.CONDITIONAL:
            rows = self.cluster.ask(statement, values)
            observe(rows)
            self._answer(heard, rows)
        else:
            self._decide(statement, values, observe, heard)

    def _decide(self, statement: Statement, values: tuple[Value, ...], observe: Observe, heard: Heard) -> None:
        faults = self.faults
        if self.happens(faults.lost):
            self.met["lost"] += 1
            self._note(f"        lost: {values}")
            self._time_out(heard)
        elif self.happens(faults.late):
            self._clockwork.later(
                faults.timeout_ms + self.rng.randint(1, faults.late_ms),
                lambda: self._apply_late(statement, values, observe),
            )
            self._time_out(heard)
        elif self.happens(faults.unheard):
            hidden = self.happens(faults.hidden)
            self.met["unheard and hidden" if hidden else "unheard"] += 1
            self._note(f"        unheard: {values}")
            self._apply(statement, values, observe, hidden=hidden)
            self._time_out(heard)
        else:
            self._answer(heard, self._apply(statement, values, observe))

    def _apply_late(self, statement: Statement, values: tuple[Value, ...], observe: Observe) -> None:
        answer = self._apply(statement, values, observe)
        fault = "late and applied" if answer.applied else "late and refused by its condition"
        self.met[fault] += 1
        self._note(f"        {fault}: {values}")

    def _apply(
        self, statement: Statement, values: tuple[Value, ...], observe: Observe, *, hidden: bool = False
    ) -> Conditional:
        answer = self.cluster.conditional(statement, values, hidden=hidden)
        observe(answer)
        return answer

    def _answer(self, heard: Heard, answer: Answer | CassandraError) -> None:
        self._clockwork.later(self._delay(), partial(heard, answer))

    def _time_out(self, heard: Heard) -> None:
        timeout = UnknownWriteError("no answer in time")
        self._clockwork.later(self.faults.timeout_ms, partial(heard, timeout))

    def _delay(self) -> int:
        return self.rng.randint(0, self.faults.slow_ms if self._faulty() else 10)

    # ── what clients share ───────────────────────────────────────────────────────────────────────────────────────

    def happens(self, chance: float) -> bool:
        """Whether a fault strikes now."""
        return chance > 0 and self._faulty() and self.rng.random() < chance
