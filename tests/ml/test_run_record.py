"""The record of a night: what is written is what is read, years later too."""

import msgspec
import pytest
from kinelog.ml.run_record import (
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


def test_a_record_of_another_schema_is_refused_by_its_number() -> None:
    other = msgspec.json.decode(record_bytes(made_record()))
    other["schema"] = 99
    with pytest.raises(RecordError, match="99"):
        record_of(msgspec.json.encode(other))


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
