"""What was ever stored can be read: every version of every event, and no snapshot is read in another layout."""

from __future__ import annotations

import json
from typing import TypedDict

import msgspec
import pytest
from kinelog.domain import events as did
from kinelog.domain import upcasting
from kinelog.domain.states import SessionState, TenantState, UserState

from tests.domain.layouts import Layout, layout_of, reads
from tests.domain.sample_events import SAMPLES
from tests.domain.write_examples import EVENTS, STATE_TYPES, STATES


class Example(TypedDict):
    stored: str
    layout: Layout


EXAMPLES: dict[str, dict[str, Example]] = json.loads(EVENTS.read_text())
LAYOUTS: dict[str, dict[str, Layout]] = json.loads(STATES.read_text())
HOW = "run `python -m tests.domain.write_examples` and commit what it adds; never change what is there"
EVERY_EXAMPLE = [
    pytest.param(name, int(version), example, id=f"{name}-{version}")
    for name, versions in EXAMPLES.items()
    for version, example in versions.items()
]


def read(name: str, version: int, stored: bytes) -> did.Event:
    """Read an event as the journal does."""
    fields = upcasting.upcast(name, version, msgspec.msgpack.decode(stored, type=list[object]))
    return msgspec.convert(fields, did.EVENT_TYPES[name])


def test_there_is_a_sample_of_every_event() -> None:
    assert {type(sample) for sample in SAMPLES} == set(did.EVENT_TYPES.values())


@pytest.mark.parametrize("name", sorted(did.EVENT_TYPES))
def test_an_example_of_every_version_of_every_event_is_kept(name: str) -> None:
    versions = {str(version) for version in range(1, did.EVENT_TYPES[name].schema + 1)}
    assert set(EXAMPLES.get(name, {})) == versions, HOW


@pytest.mark.parametrize(("name", "version", "example"), EVERY_EXAMPLE)
def test_every_version_ever_stored_becomes_the_current_one(name: str, version: int, example: Example) -> None:
    stored = bytes.fromhex(example["stored"])
    event = read(name, version, stored)
    assert type(event).__name__ == name
    if version == event.schema:
        old_fields = msgspec.msgpack.decode(stored, type=list[object])
        new_fields = msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=list[object])
        assert new_fields[: len(old_fields)] == old_fields, "an event of the current version reads back as it was"


@pytest.mark.parametrize("name", sorted(did.EVENT_TYPES))
def test_an_event_cannot_change_its_layout_under_the_same_version(name: str) -> None:
    kind = did.EVENT_TYPES[name]
    kept = EXAMPLES[name][str(kind.schema)]["layout"]
    assert reads(layout_of(kind), kept), f"raise {name}.schema and add an upcaster; then {HOW}"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_the_current_form_of_an_event_round_trips(sample: did.Event) -> None:
    assert read(type(sample).__name__, sample.schema, msgspec.msgpack.encode(sample)) == sample


@pytest.mark.parametrize("kind", STATE_TYPES, ids=lambda kind: kind.__name__)
def test_a_state_cannot_change_its_layout_under_the_same_version(
    kind: type[UserState | SessionState | TenantState],
) -> None:
    assert layout_of(kind) == LAYOUTS[kind.__name__].get(str(kind.schema)), f"raise {kind.__name__}.schema; then {HOW}"


# ── the rules themselves ─────────────────────────────────────────────────────────────────────────────────────────


class Weighed(did.Event, frozen=True, array_like=True, kw_only=True):
    """An event that is in its third version: first pounds, then kilograms, then grams with a scale's name."""

    schema = 3

    grams: int
    scale: str


def test_upcasters_lead_from_any_version_to_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def kilograms(fields: list[object]) -> list[object]:
        return [*fields[:2], float(str(fields[2])) * 0.5]

    def grams(fields: list[object]) -> list[object]:
        return [*fields[:2], round(float(str(fields[2])) * 1000), "unknown"]

    monkeypatch.setitem(did.EVENT_TYPES, "Weighed", Weighed)
    monkeypatch.setitem(upcasting.UPCASTERS, ("Weighed", 1), kilograms)
    monkeypatch.setitem(upcasting.UPCASTERS, ("Weighed", 2), grams)
    expected = Weighed(at_ms=5, by="me", grams=80_000, scale="unknown")
    assert read("Weighed", 1, msgspec.msgpack.encode([5, "me", 160])) == expected
    assert read("Weighed", 2, msgspec.msgpack.encode([5, "me", 80.0])) == expected
    assert read("Weighed", 3, msgspec.msgpack.encode(expected)) == expected


def test_a_version_that_no_upcaster_leads_on_from_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(did.EVENT_TYPES, "Weighed", Weighed)
    with pytest.raises(KeyError):
        upcasting.upcast("Weighed", 2, [5, "me", 80.0])


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        ([["at_ms", "int"], ["by", "str"], ["grams", "int"]], True),
        ([["at_ms", "int"], ["by", "str"], ["grams", "int"], ["scale", "str"]], True),
        ([["at_ms", "int"], ["by", "str"], ["scale", "str"], ["grams", "int"]], False),
        ([["at_ms", "int"], ["by", "str"], ["grams", "float"]], False),
        ([["at_ms", "int"], ["by", "str"], ["weight", "int"]], False),
        ([["at_ms", "int"], ["by", "str"], ["grams", "int"], ["scale", "str"], ["gone", "int"]], False),
    ],
)
def test_only_appended_fields_keep_a_layout_readable(fields: list[Layout], *, accepted: bool) -> None:
    stored: Layout = {"struct": "Weighed", "array": "True", "fields": fields}
    assert reads(layout_of(Weighed), stored) is accepted
