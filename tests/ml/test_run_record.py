"""The record of a night: what is written is what is read, years later too."""

from pathlib import Path

import msgspec
import pytest
from kinelog.ml.record_text import text_of
from kinelog.ml.report.page import render_report
from kinelog.ml.run_record import (
    RECORD_SCHEMA,
    ConfusionMatrix,
    Cost,
    Interval,
    LeaderboardEntry,
    Metrics,
    NamedMetrics,
    NightRecord,
    PhaseCost,
    PromotionRecord,
    RecordError,
    ScopeRecord,
    record_bytes,
    record_of,
)

STORED = Path(__file__).parent / "stored_records"
"""The same night as each schema wrote it: add one with a new schema, never change what is there."""


def made_record() -> NightRecord:
    entry = LeaderboardEntry(
        genome_id="a1",
        settings={"conv": ((16, 5, 2),), "dense": (64,), "dropout": 0.1},
        selection_score=0.8,
        since_run="",
    )
    metrics = Metrics(
        12, 3, Interval(0.8, 0.7, 0.9), Interval(0.7, 0.6, 0.8), nll=0.5, brier=0.2, ece=0.1, ece_excess=0
    )
    scope = ScopeRecord(
        cluster="f-30s",
        sensors=("left-wrist",),
        data_cluster="f",
        labels=("squat", "row"),
        examples=12,
        sessions=3,
        person_count=2,
        candidates=30,
        promotion=PromotionRecord("first", "there was no champion"),
        leaderboard=(entry,),
        confirmation=(NamedMetrics("challenger", metrics),),
        confusion=ConfusionMatrix(("squat", "row"), ((5, 1, 0), (0, 5, 1))),
    )
    return NightRecord("r1", "gym", "done", 1, 7, "processes", "c0de", 30, 5, scopes=(scope,))


def test_a_record_read_back_is_the_record_that_was_written() -> None:
    assert record_of(record_bytes(made_record())) == made_record()


def test_a_record_with_a_field_that_a_later_version_added_is_still_read() -> None:
    later = msgspec.json.decode(record_bytes(made_record()))
    later["weather"] = "rain"
    assert record_of(msgspec.json.encode(later)) == made_record()


@pytest.mark.parametrize("schema", [0, 99])
def test_a_record_of_another_schema_is_refused_by_its_number(schema: int) -> None:
    other = msgspec.json.decode(record_bytes(made_record()))
    other["schema"] = schema
    with pytest.raises(RecordError, match=f"schema: {schema} is none of"):
        record_of(msgspec.json.encode(other))


def test_a_record_of_every_schema_is_kept_and_reads_as_the_same_night() -> None:
    stored = {int(path.stem): record_of(path.read_bytes()) for path in STORED.glob("*.json")}
    assert sorted(stored) == list(range(1, RECORD_SCHEMA + 1))
    newest = stored[RECORD_SCHEMA]
    assert all(record == newest for record in stored.values())
    (first, *_) = newest.scopes
    assert [(one.name, one.metrics.windows) for one in first.confirmation] == [("challenger", 180), ("champion", 180)]
    assert [[one.windows for one in part] for part in (first.reliability, first.classes, first.people)] == [
        [39, 27], [31, 33], [12, 12],
    ]  # fmt: skip


def test_a_night_of_an_earlier_version_is_shown_as_one_of_this_version() -> None:
    first, *_, newest = (record_of(path.read_bytes()) for path in sorted(STORED.glob("*.json")))
    assert text_of(first) == text_of(newest)
    assert render_report(first, None) == render_report(newest, None)


def test_an_earlier_record_that_is_not_whole_is_refused_as_such() -> None:
    earlier = msgspec.json.decode((STORED / "1.json").read_bytes())
    earlier["scopes"][0]["classes"] = [3]
    with pytest.raises(RecordError, match="classes"):
        record_of(msgspec.json.encode(earlier))
    del earlier["scopes"][1]["people"][0]["sets"]
    earlier["scopes"][0]["classes"] = []
    with pytest.raises(RecordError, match="windows"):
        record_of(msgspec.json.encode(earlier))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"schema": 1}', b"\xff"])
def test_bytes_that_are_no_record_are_refused_as_such(data: bytes) -> None:
    with pytest.raises(RecordError):
        record_of(data)


def test_a_scope_that_uses_its_ancestor_s_data_says_so() -> None:
    assert made_record().scopes[0].backed_off


def test_the_share_of_preparation_counts_data_inside_and_outside_of_tasks() -> None:
    cost = Cost((PhaseCost("data", 10.0), PhaseCost("select", 50.0)), task_seconds=90.0, preparation_seconds=5.0)
    assert cost.preparation_share == pytest.approx(0.15)
    assert Cost().preparation_share == 0.0
