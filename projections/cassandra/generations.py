"""Making, switching and dropping generations, as changes of the registry's document."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.errors import SchemaError
from kinelog.projections.cassandra.generation_tables import GenerationTables, Layouts
from kinelog.projections.cassandra.registry import READERS_CACHE_S, Document, Registered, Registry, Revision
from kinelog.projections.errors import ViewsMovedError
from kinelog.projections.fold import View
from kinelog.projections.view_store import BUILDING, CANDIDATE, LIVE, RETIRED, Generation, fits

logger = logging.getLogger(__name__)

MAKING = "making"
MAKER_MS = 120_000
"""How long a maker that says nothing more is waited for."""

NOTICE_MS = 30_000
"""How long tables of a retired generation stay: readers' caches and the longest question are much shorter."""

_ASK_AGAIN_S = 0.2


@dataclass(frozen=True)
class Clocks:
    """Time, as the store of the views needs it: no row depends on it.

    Attributes:
        now_ms: Unix milliseconds.
        elapsed_s: Seconds that never jump.
        sleep: Waits for seconds.
    """

    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    elapsed_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


REAL_TIME = Clocks()


def generation_of(found: Registered) -> Generation:
    """A registered generation as the port has it."""
    return Generation(found.view, found.version, found.generation, found.incarnation, found.state)


class Generations:
    """The generations of the views in one keyspace."""

    def __init__(self, connection: Connection, layouts: Layouts, clocks: Clocks) -> None:
        """Read and change them by a connection.

        Args:
            connection: To the cluster.
            layouts: Query tables.
            clocks: For how long tables of retired generations are kept, makers waited for, and documents believed.
        """
        self.registry = Registry(connection)
        self._connection = connection
        self._layouts = layouts
        self._now_ms = clocks.now_ms
        self._clock_s = clocks.elapsed_s
        self._sleep = clocks.sleep
        self._me = secrets.token_hex(8)
        self._seen = Revision(0, Document())
        self._read_at = float("-inf")

    def seen(self, *, now: bool = False) -> Revision:
        """The document, as it was at most `READERS_CACHE_S` ago."""
        clock = self._clock_s()
        if now or clock >= self._read_at + READERS_CACHE_S:
            self._seen = self.registry.read()
            self._read_at = clock
        return self._seen

    def all(self) -> list[Generation]:
        """All that are whole, by view and number."""
        found = [generation_of(found) for found in self.seen().document.generations if found.state != MAKING]
        return sorted(found, key=lambda generation: (generation.view, generation.generation))

    def begin(self, views: Sequence[View], incarnation: str) -> None:
        """Make empty live generations where none fits."""

        def lacking(document: Document) -> list[View]:
            live = {found.view: generation_of(found) for found in document.generations if found.state == LIVE}
            return [view for view in views if not fits(view, incarnation, live.get(view.name))]

        self._make(lacking, incarnation, LIVE)

    def take_up(self, views: Sequence[View], incarnation: str) -> list[Generation]:
        """Unfinished builds that fit, new ones where there is none."""

        def unfinished(document: Document, view: View) -> list[Registered]:
            return [
                found
                for found in document.generations
                if found.view == view.name
                and found.state in {BUILDING, CANDIDATE}
                and (found.version, found.incarnation) == (view.version, incarnation)
            ]

        self._make(lambda document: [view for view in views if not unfinished(document, view)], incarnation, BUILDING)
        document = self.seen(now=True).document
        usable = [unfinished(document, view) for view in views]
        if not all(usable):
            raise ViewsMovedError("a build was retired as soon as it was made")
        taken = [generation_of(found[0]) for found in usable]
        wanted = {(generation.view, generation.generation) for generation in taken}
        names = {view.name for view in views}
        self.retire(
            [
                found
                for found in self.all()
                if found.state in {BUILDING, CANDIDATE}
                and found.view in names
                and (found.view, found.generation) not in wanted
            ]
        )
        return taken

    def announce(self, fresh: Sequence[Generation]) -> None:
        """Let live workers fold these builds too.

        Raises:
            ViewsMovedError: One of them was retired.
        """
        self._mark(fresh, {BUILDING, CANDIDATE}, CANDIDATE)

    def switch(self, fresh: Sequence[Generation]) -> None:
        """Make builds live and retire what was, in one step.

        Raises:
            ViewsMovedError: One of them was retired.
        """
        self._mark(fresh, {BUILDING, CANDIDATE, LIVE}, LIVE)

    def retire(self, generations: Sequence[Generation]) -> None:
        """Mark as no longer wanted; tables are dropped later."""
        gone = {(generation.view, generation.generation) for generation in generations}
        if gone:
            now = self._now_ms()

            def changed(document: Document) -> Document | None:
                return _with(document, lambda found: _retired(found, now) if _name(found) in gone else found)

            self.registry.change(changed)
            self.seen(now=True)

    def drop_retired(self) -> bool:
        """Drop tables that nobody can be reading any more; whether none are left to be dropped later.

        One generation a call: all nodes must agree on each change of the schema, which takes seconds while one of them
        is busy, and meanwhile the worker folds nothing.
        """
        document = self.seen(now=True).document
        retired = [found for found in document.generations if found.state == RETIRED]
        due = [found for found in retired if found.retired_at_ms + NOTICE_MS <= self._now_ms()][:1]
        if due and self._become_maker() is not None:
            try:
                self._connection.define_all(
                    [f"DROP TABLE IF EXISTS {{views}}.{table}" for found in due for table in found.tables]
                )
                gone = {_name(found) for found in due}
                self.registry.change(lambda now: _without(now, gone))
            finally:
                self._lay_down()
            return len(due) == len(retired)
        return not retired

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _make(self, lacking: Callable[[Document], list[View]], incarnation: str, state: str) -> None:
        """Make generations of the views that lack one; whoever makes some already is waited for."""
        started = self._now_ms()
        while views := lacking(self.seen(now=True).document):
            document = self._become_maker(
                partial(_reserved, views=views, incarnation=incarnation, layouts=self._layouts)
            )
            if document is None:
                if self._now_ms() > started + 2 * MAKER_MS:
                    raise SchemaError("another process has been making tables for minutes; is it stuck? stop it first")
                self._sleep(_ASK_AGAIN_S)
                continue
            made = {(view.name, document.newest[view.name]) for view in views}
            try:
                tables = [GenerationTables(view, document.newest[view.name], self._layouts) for view in views]
                self._connection.define_all([cql for each in tables for cql in each.definitions.values()])
                self._finish(made, state)
            finally:
                self._lay_down()
            for name, number in sorted(made):
                logger.info("view %s: generation %d is %s", name, number, state)

    def _finish(self, made: set[tuple[str, int]], state: str) -> None:
        """The tables are there: the generations begin."""
        now = self._now_ms()

        def changed(document: Document) -> Document | None:
            if document.maker != self._me:
                return None  # taken for dead: somebody else has made others
            return _with(document, _in_state(state, made, now))

        self.registry.change(changed)
        self.seen(now=True)

    def _become_maker(self, reserve: Callable[[Document], Document] = lambda document: document) -> Document | None:
        """Be the only one who makes or drops tables; None if somebody else is."""

        def changed(document: Document) -> Document | None:
            if document.maker == self._me:
                return None
            now = self._now_ms()
            if document.maker and now < document.maker_until_ms:
                return None
            left = reserve(_without_halves(document, now))
            return msgspec.structs.replace(left, maker=self._me, maker_until_ms=now + MAKER_MS)

        self.registry.change(changed)
        document = self.seen(now=True).document
        return document if document.maker == self._me else None

    def _lay_down(self) -> None:
        def changed(document: Document) -> Document | None:
            if document.maker != self._me:
                return None
            return msgspec.structs.replace(_without_halves(document, self._now_ms()), maker="", maker_until_ms=0)

        self.registry.change(changed)
        self.seen(now=True)

    def _mark(self, fresh: Sequence[Generation], expected: set[str], state: str) -> None:
        wanted = {(generation.view, generation.generation) for generation in fresh}
        now = self._now_ms()

        def changed(document: Document) -> Document | None:
            there = {_name(found) for found in document.generations if found.state in expected}
            if not wanted <= there:
                raise ViewsMovedError(f"a build was retired: {sorted(wanted - there)}")
            return _with(document, _in_state(state, wanted, now))

        self.registry.change(changed)
        self.seen(now=True)


def _in_state(state: str, wanted: Collection[tuple[str, int]], now_ms: int) -> Callable[[Registered], Registered]:
    """What becomes of each generation when these come into a state: of a view there is one live at the most."""
    views = {view for view, _ in wanted}

    def step(found: Registered) -> Registered:
        if _name(found) in wanted:
            return msgspec.structs.replace(found, state=state)
        if state == LIVE and found.state == LIVE and found.view in views:
            return _retired(found, now_ms)
        return found

    return step


def _without_halves(document: Document, now_ms: int) -> Document:
    """What was being made and was not finished is retired: its maker is gone, or gives up."""
    return _with(document, lambda found: _retired(found, now_ms) if found.state == MAKING else found) or document


def _name(found: Registered) -> tuple[str, int]:
    return found.view, found.generation


def _retired(found: Registered, now_ms: int) -> Registered:
    return msgspec.structs.replace(found, state=RETIRED, retired_at_ms=now_ms)


def _with(document: Document, step: Callable[[Registered], Registered]) -> Document | None:
    """The document with each generation changed; None if none is."""
    generations = tuple(map(step, document.generations))
    return None if generations == document.generations else msgspec.structs.replace(document, generations=generations)


def _without(document: Document, gone: set[tuple[str, int]]) -> Document:
    return msgspec.structs.replace(
        document, generations=tuple(found for found in document.generations if _name(found) not in gone)
    )


def _reserved(document: Document, views: Sequence[View], incarnation: str, layouts: Layouts) -> Document:
    """Numbers for new generations, entered before the first table is made: whatever is made can be dropped again."""
    newest = dict(document.newest)
    made = []
    for view in views:
        number = newest[view.name] = newest.get(view.name, 0) + 1
        tables = tuple(GenerationTables(view, number, layouts).definitions)
        made.append(Registered(view.name, view.version, number, incarnation, MAKING, tables))
    return msgspec.structs.replace(document, generations=(*document.generations, *made), newest=newest)
