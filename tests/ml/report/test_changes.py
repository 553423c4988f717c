"""What changed since the night before is said in sentences, and only what changed."""

from __future__ import annotations

import msgspec
from kinelog.ml.report.changes import changes

from tests.ml.report.made_records import made_record, night_before


def said(record_changes: object) -> set[str]:
    assert isinstance(record_changes, tuple)
    return {f"{one.where}: {one.what}" for one in record_changes}


def test_a_first_night_has_nothing_to_compare_with() -> None:
    assert changes(made_record(), None) == ()


def test_a_night_that_is_the_same_says_only_that_its_data_are() -> None:
    assert said(changes(made_record(), made_record())) == {"data: the same, byte for byte"}


def test_everything_that_changed_is_said() -> None:
    record = made_record()
    assert said(changes(record, night_before(record))) == {
        "settings: sets of a pool at most: no bound → 600",
        "data: +20 sets, +0 sessions, +0 people",
        "data: new labels: bench-press",
        "data: dropped for clipped: 0 → 1",
        "data: dropped for gap: 2 → 4",
        "cluster all: new, 14 people",
        "cluster f-30s: data of all → data of f",
        "all · left-wrist: published: version 4 → 5",
        "all · left-wrist: 1 of the 3 best are new",
        "f-30s · left-wrist + waist: fitted for the first time",
        "cost: 50 min by the clock, 17 min the night before",
    }


def test_figures_of_another_confirmation_set_are_not_compared() -> None:
    record = made_record()
    scope = record.scopes[0]
    other = msgspec.structs.replace(scope, promotion=msgspec.structs.replace(scope.promotion, confirmation_set="new"))
    found = said(changes(msgspec.structs.replace(record, scopes=(other, record.scopes[1])), record))
    assert any("not comparable" in one for one in found)
    assert not any("points" in one for one in found)


def test_a_night_that_confirmed_nothing_is_not_said_to_have_confirmed_on_other_sessions() -> None:
    """Its winner was the champion itself."""
    record = made_record()
    scope = record.scopes[0]
    promotion = msgspec.structs.replace(scope.promotion, confirmation_set="", outcome="kept")
    same = msgspec.structs.replace(scope, promotion=promotion, confirmation=())
    found = said(changes(msgspec.structs.replace(record, scopes=(same, record.scopes[1])), record))
    assert found == {"data: the same, byte for byte", "all · left-wrist: outcome: promoted → kept"}
