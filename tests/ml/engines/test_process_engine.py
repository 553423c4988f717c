"""What only the pool of this machine's processes promises."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from kinelog.ml.engines.process_engine import ProcessEngine
from kinelog.ml.engines.task_process import TaskProcess


def test_children_are_replaced_before_what_they_leak_adds_up() -> None:
    with ProcessEngine("tests.ml.engines.answering:own_pid", processes=1, tasks_per_child=2) as engine:
        pids = [done.answer for done in engine.map([b""] * 6)]
    assert len(set(pids)) == 3


@pytest.mark.parametrize(("most_bytes", "spent"), [(1_000_000, True), (100_000_000_000, False)])
def test_a_child_that_had_too_much_memory_resident_takes_no_further_task(*, most_bytes: int, spent: bool) -> None:
    child = TaskProcess("tests.ml.engines.answering:own_pid", most_bytes=most_bytes)
    try:
        child.run(b"")
        assert child.spent is spent
    finally:
        child.kill()


def test_a_child_serves_several_calls() -> None:
    with ProcessEngine("tests.ml.engines.answering:own_pid", processes=1) as engine:
        assert len({done.answer for _ in range(3) for done in engine.map([b""])}) == 1


def test_closing_ends_every_child(tmp_path: Path) -> None:
    engine = ProcessEngine("tests.ml.engines.answering:held", processes=2)
    (tmp_path / "a.go").touch()
    answers = engine.map([str(tmp_path / name).encode() for name in "ab"])
    next(answers)
    pids = engine.children.pids()
    answers.close()
    engine.close()
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []
