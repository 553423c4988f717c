"""The judge finds what it is there for: a judge that is always content would let everything pass."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cassandra_chaos.checks import Checked
from tests.cassandra_chaos.history import Frame, Judgement, frames_in_ledgers, judge
from tests.cassandra_chaos.rounds import Outcome
from tests.cassandra_chaos.store_checks import EQUAL, difference, unordered
from tests.projections.cassandra_floor import Dump

FRAMES = st.builds(Frame, st.sampled_from(["monday", "friday"]), st.sampled_from(["left", "right"]), st.integers(0, 9))


@given(acknowledged=st.sets(FRAMES), unanswered=st.sets(FRAMES))
def test_what_was_acknowledged_once_and_stored_once_is_sound_whatever_else_was_stored(
    acknowledged: set[Frame], unanswered: set[Frame]
) -> None:
    judgement = judge(acknowledged, Counter(acknowledged | unanswered))
    assert judgement.sound
    assert (judgement.acknowledged, judgement.stored) == (len(acknowledged), len(acknowledged | unanswered))


@given(acknowledged=st.sets(FRAMES, min_size=1), data=st.data())
def test_each_lost_frame_is_named(acknowledged: set[Frame], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(sorted(acknowledged)))
    judgement = judge(acknowledged, Counter(acknowledged - {lost}))
    assert not judgement.sound
    assert (judgement.lost, judgement.doubled) == ((lost,), ())


@given(acknowledged=st.sets(FRAMES), stored=st.sets(FRAMES, min_size=1), data=st.data())
def test_each_doubled_frame_is_named_acknowledged_or_not(
    acknowledged: set[Frame], stored: set[Frame], data: st.DataObject
) -> None:
    doubled = data.draw(st.sampled_from(sorted(stored)))
    judgement = judge(acknowledged & stored, Counter(stored) + Counter([doubled]))
    assert not judgement.sound
    assert (judgement.lost, judgement.doubled) == ((), (doubled,))


def test_a_line_that_was_not_finished_was_not_acknowledged(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    ledger.write_text("monday\tleft\t1\nmonday\tleft\t2\nmonday\tleft\t3")
    assert set(frames_in_ledgers(ledger, tmp_path / "none")) == {Frame("monday", "left", 1), Frame("monday", "left", 2)}


@pytest.mark.parametrize(
    "rebuilt",
    [
        {"sets_by_session": [(1, "curl")]},
        {"sets_by_session": [(1, "curl"), (2, "press")]},
        {"sets_by_session": [(1, "curl"), (2, "squat")], "gyms": []},
    ],
)
def test_tables_that_differ_from_a_rebuild_are_named(rebuilt: Dump) -> None:
    live: Dump = {"sets_by_session": [(1, "curl"), (2, "squat")], "gyms": [("main-street",)]}
    assert difference(live, dict(live)) == EQUAL
    assert "gyms" in difference(live, rebuilt)


def test_tables_are_compared_row_by_row_whatever_order_their_columns_are_in() -> None:
    cluster: Dump = {"gyms": [("main-street", 3), ("docklands", 2)]}
    memory: Dump = {"gyms": [(2, "docklands"), (3, "main-street")]}
    other: Dump = {"gyms": [(3, "docklands"), (2, "main-street")]}
    assert difference(unordered(cluster), unordered(memory)) == EQUAL
    assert difference(unordered(cluster), unordered(other)) != EQUAL


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (outcome_fields, words)
        for outcome_fields, words in (
            ({"checked": Checked(Judgement(1, 0, (Frame("monday", "left", 1),), ()), "sound", EQUAL)}, "lost"),
            ({"checked": Checked(Judgement(1, 1, (), (Frame("monday", "left", 1),)), "sound", EQUAL)}, "doubled"),
            ({"checked": Checked(Judgement(1, 1, (), ()), "hole in shard 1 at 3", EQUAL)}, "hole"),
            ({"checked": Checked(Judgement(1, 1, (), ()), "sound", "gyms")}, "gyms"),
            ({"longest_answer_s": 16.0}, "waited"),
            ({"without_retry_after": 1}, "come back"),
            ({"memory_bytes": 1 << 30}, "memory"),
        )
    ],
)
def test_whatever_a_fault_leaves_wrong_is_complained_of(wrong: dict[str, object], complaint: str) -> None:
    fine: dict[str, object] = {
        "fault": "node 1 killed",
        "times": 1,
        "checked": Checked(Judgement(1, 1, (), ()), "sound", EQUAL),
        "without_service_s": 1.0,
        "longest_answer_s": 1.0,
        "refused": 0,
        "without_retry_after": 0,
        "memory_bytes": 0,
        "log_bytes": 0,
    }
    assert Outcome(**fine).complaints == []  # type: ignore[arg-type]  # fields by name
    (found,) = Outcome(**fine | wrong).complaints  # type: ignore[arg-type]  # as above
    assert complaint in found
