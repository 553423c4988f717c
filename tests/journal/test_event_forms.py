"""Forms of events: what is written during a rolling upgrade can be read by everybody who takes part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from kinelog.actors.formed_rules import NOT_YET, formed
from kinelog.actors.membership.port import Member, View
from kinelog.actors.rules import DOMAIN_RULES, Rules
from kinelog.actors.writable_form import WritableForm
from kinelog.domain import commands as ask
from kinelog.domain import events as did
from kinelog.domain import upcasting
from kinelog.domain.decider import Decision
from kinelog.domain.identifiers import Person
from kinelog.domain.limits import DEFAULT_LIMITS
from kinelog.journal import event_codec
from kinelog.journal.errors import UnknownEventError
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.event_forms import DOWNCASTERS, FORMS, NEWEST, OLDEST, SINCE, EventForms
from kinelog.privacy.key_store import KeyStore


class Weighed(did.Event, frozen=True, array_like=True, kw_only=True):
    """First kilograms, from form 2 on grams with a scale's name."""

    schema = 2

    grams: int
    scale: str


class Measured(did.Event, frozen=True, array_like=True, kw_only=True):
    """There is no such event before form 3."""

    centimetres: int


def grams(fields: list[object]) -> list[object]:
    return [*fields[:2], round(float(str(fields[2])) * 1_000), "unknown"]


def kilograms(fields: list[object]) -> list[object]:
    return [*fields[:2], int(str(fields[2])) / 1_000]


MADE = EventForms(3, {"Weighed": (1, 2), "Measured": (3,)}, {("Weighed", 2): kilograms})
WEIGHED = Weighed(at_ms=5, by="me", grams=80_500, scale="floor")
MEASURED = Measured(at_ms=6, by="me", centimetres=172)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue of a program that has come to form 3."""
    for kind in (Weighed, Measured):
        name = kind.__name__
        monkeypatch.setitem(did.EVENT_TYPES, name, kind)
        monkeypatch.setitem(event_codec._DECODERS, name, msgspec.msgpack.Decoder(kind))
        monkeypatch.setitem(event_codec._TAILS, name, f"\0{name}\0{kind.schema}".encode())
    monkeypatch.setitem(upcasting.UPCASTERS, ("Weighed", 1), grams)


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore.open(tmp_path / "keys")
    yield store
    store.close()


@pytest.fixture
def person(keys: KeyStore) -> Person:
    return Person("demo", keys.enrol("demo", "Ada"))


def test_this_programs_own_forms_are_complete() -> None:
    assert OLDEST <= NEWEST == FORMS.newest
    for name, since in SINCE.items():
        assert list(since) == sorted(since), name
        assert since[-1] <= NEWEST, name
        assert len(since) == did.EVENT_TYPES[name].schema, name
    for name, kind in did.EVENT_TYPES.items():
        assert FORMS.version(name, NEWEST) == kind.schema, f"say in SINCE in which form version {kind.schema} began"
        for version in range(max(1, FORMS.version(name, OLDEST)) + 1, kind.schema + 1):
            assert (name, version) in DOWNCASTERS, f"{name} cannot be written as version {version - 1}"


def test_the_newest_form_is_written_unless_told_otherwise(keys: KeyStore, person: Person) -> None:
    codec = EventCodec(keys)
    assert codec.write_form == NEWEST
    stored = codec.seal(person.persistence_id, 1, did.UserRegistered(at_ms=1))
    assert stored.schema == did.UserRegistered.schema


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(("form", "schema", "read_back"), [
    (1, 1, Weighed(at_ms=5, by="me", grams=80_500, scale="unknown")), (2, 2, WEIGHED), (3, 2, WEIGHED),
])  # fmt: skip
def test_an_event_is_written_in_the_form_that_everybody_reads_and_reads_back_as_the_newest(
    keys: KeyStore, person: Person, form: int, schema: int, read_back: Weighed
) -> None:
    codec = EventCodec(keys, MADE)
    codec.write_form = form
    stored = codec.seal(person.persistence_id, 1, WEIGHED)
    assert stored.schema == schema
    assert codec.open(stored) == codec.opening().open(stored) == read_back
    assert MADE.spoken(WEIGHED, form) == read_back


@pytest.mark.usefixtures("made")
def test_an_older_program_would_not_read_the_newest_form(
    keys: KeyStore, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = EventCodec(keys, MADE).seal(person.persistence_id, 1, MEASURED)
    monkeypatch.delitem(did.EVENT_TYPES, "Measured")
    with pytest.raises(UnknownEventError):
        EventCodec(keys, MADE).open(stored)


def rules_that_decide(*events: did.Event) -> Rules:
    decision = Decision(tuple(("demo/ada", event) for event in events), "a reply")
    return DOMAIN_RULES._replace(decide=lambda *_: decision)


def decided(rules: Rules) -> object:
    return rules.decide(Person("demo", "ada"), ask.ReadUser(at_ms=0), {}, DEFAULT_LIMITS)


@pytest.mark.usefixtures("made")
def test_what_is_decided_is_what_the_log_will_say(keys: KeyStore) -> None:
    codec = EventCodec(keys, MADE)
    codec.write_form = 1
    decision = decided(formed(rules_that_decide(WEIGHED), codec))
    assert isinstance(decision, Decision)
    assert decision.events == (("demo/ada", Weighed(at_ms=5, by="me", grams=80_500, scale="unknown")),)
    assert decision.reply == "a reply"


@pytest.mark.usefixtures("made")
def test_what_cannot_be_written_yet_is_refused_and_decided_later(keys: KeyStore) -> None:
    codec = EventCodec(keys, MADE)
    rules = formed(rules_that_decide(WEIGHED, MEASURED), codec)
    codec.write_form = 2
    assert decided(rules) == NOT_YET
    assert NOT_YET.retryable
    codec.write_form = 3
    assert isinstance(decided(rules), Decision)


def test_with_one_form_only_the_rules_stay_the_same_object(keys: KeyStore) -> None:
    codec = EventCodec(keys, EventForms(1, {}, {}))
    assert formed(DOMAIN_RULES, codec) is DOMAIN_RULES


# ── who may write what, while members come and go ────────────────────────────────────────────────────────────────

WAIT_MS = 10_000
LATE_MS = 1_000


def test_a_form_is_raised_late_and_lowered_at_once() -> None:
    form = WritableForm(WAIT_MS, newest=3)
    assert form.at(0) == OLDEST
    assert form.seen(2, 0) == OLDEST
    assert form.seen(2, WAIT_MS - 1) == OLDEST
    assert form.at(WAIT_MS) == 2
    assert form.seen(None, WAIT_MS) == 2
    assert form.seen(3, WAIT_MS) == 2
    assert form.seen(1, WAIT_MS + 1) == 1


def view_of(members: list[int], workers: list[int]) -> View:
    """Who is there, by the newest form that each reads."""
    seen = tuple(
        Member(name=f"n{at}", life="0" * 8, address="", version="1", reads=reads) for at, reads in enumerate(members)
    )
    return View(number=1, members=seen, joined=True, workers_read=min(workers, default=None))


def test_everybody_reads_what_members_and_workers_read_and_without_members_nothing_is_known() -> None:
    assert view_of([3, 2, 3], []).everybody_reads == 2
    assert view_of([3, 2], [1, 3]).everybody_reads == 1
    assert view_of([2, 3], [3]).everybody_reads == 2
    assert view_of([], [3]).everybody_reads is None


NODES = 3
WORKERS = 2


@dataclass
class Program:
    """A node or a worker: which form its program reads, and what a node last saw of the others."""

    reads: int
    back_at_ms: int = 0
    form: WritableForm = field(default_factory=lambda: WritableForm(WAIT_MS, newest=3))

    def restart(self, now_ms: int, *, down_ms: int, reads: int) -> None:
        self.back_at_ms = now_ms + down_ms
        self.reads = reads
        self.form = WritableForm(WAIT_MS, newest=reads)


@bounded(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, NODES + WORKERS - 1),
            st.sampled_from(("upgrade", "crash", "nothing")),
            st.integers(0, WAIT_MS - 3 * LATE_MS),
            st.integers(1, 15_000),
        ),
        max_size=25,
    ),
    st.lists(st.integers(0, LATE_MS), min_size=NODES, max_size=NODES),
)
@example([*((node, "upgrade", 0, 1) for node in range(NODES)), (0, "nothing", 0, 15_000)], [0] * NODES)
def test_no_node_and_no_worker_ever_meets_an_event_that_it_cannot_read(
    steps: list[tuple[int, str, int, int]], late: list[int]
) -> None:
    programs = [Program(1) for _ in range(NODES + WORKERS)]
    log = 1
    views: list[tuple[int, View]] = []
    now_ms = 0

    def up(some: list[Program]) -> list[int]:
        return [program.reads for program in some if program.back_at_ms <= now_ms]

    def pass_by(until_ms: int) -> None:
        nonlocal now_ms, log
        while now_ms < until_ms:
            now_ms += 500
            views.append((now_ms, view_of(up(programs[:NODES]), up(programs[NODES:]))))
            for node, late_ms in zip(programs[:NODES], late, strict=True):
                if node.back_at_ms <= now_ms:
                    seen = [view.everybody_reads for at_ms, view in views if at_ms <= now_ms - late_ms]
                    log = max(log, node.form.seen(seen[-1] if seen else None, now_ms))
            assert all(log <= reads for reads in up(programs)), f"somebody meets form {log}"

    for number, what, down_ms, then_ms in steps:
        program = programs[number]
        if program.back_at_ms <= now_ms and what != "nothing":
            upgraded = min(3, program.reads + 1) if what == "upgrade" else program.reads
            if upgraded - min(one.reads for one in programs) <= 1:
                program.restart(now_ms, down_ms=down_ms, reads=upgraded)
        pass_by(now_ms + then_ms)
    pass_by(now_ms + 3 * WAIT_MS)
    oldest = min(program.reads for program in programs)
    assert log <= oldest
    newest = {node.form.at(now_ms) for node in programs[:NODES]}
    assert newest == {oldest}, "in the end everybody writes what everybody reads"
