"""What every engine keeps."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kinelog.ml.engines.port import Engine, TaskFailedError, TaskLostError

Open = Callable[[str], Engine]

DEADLINE_S = 120


def first_of(paths: list[Path]) -> Path:
    """The first of these files that has been written."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        for path in paths:
            if path.exists() and path.read_text():
                return path
        assert time.monotonic() < deadline, f"none of {paths} came"
        time.sleep(0.02)


def test_every_task_is_answered_once_by_its_own_answer(open_engine: Open) -> None:
    tasks = [str(number).encode() for number in range(30)]
    found = {done.index: done.answer for done in open_engine("hashed").map(tasks)}
    assert found == {index: hashlib.sha256(task).digest() for index, task in enumerate(tasks)}


def test_no_tasks_are_no_answers(open_engine: Open) -> None:
    assert list(open_engine("hashed").map([])) == []


def test_an_engine_takes_tasks_again_after_it_has_answered(open_engine: Open) -> None:
    engine = open_engine("echoed")
    assert [[done.answer for done in engine.map([b"same"])] for _ in range(3)] == [[b"same"]] * 3


def test_bytes_come_back_whatever_they_are_and_however_many(open_engine: Open) -> None:
    task = bytes(range(256)) * 1000
    assert [done.answer for done in open_engine("echoed").map([task, b""]) if done.index == 0] == [task]


def test_a_task_that_cannot_be_done_says_which_and_why(open_engine: Open) -> None:
    with pytest.raises(TaskFailedError, match="ValueError: label: rowing is unknown") as failure:
        list(open_engine("refused").map([b"rowing"]))
    assert failure.value.index == 0


def test_what_a_library_prints_does_not_get_among_the_answers(open_engine: Open) -> None:
    assert [done.answer for done in open_engine("noisy").map([b"clean"])] == [b"clean"]


def test_a_task_whose_process_dies_is_run_again(open_engine: Open, tmp_path: Path) -> None:
    tasks = [str(tmp_path / str(number)).encode() for number in range(3)]
    assert [done.answer for done in open_engine("deadly_once").map(tasks)] == [b"alive"] * 3


def test_a_task_that_every_process_dies_of_is_given_up(open_engine: Open) -> None:
    with pytest.raises(TaskLostError):
        list(open_engine("deadly").map([b"x"]))


def test_a_process_killed_in_the_middle_loses_no_answer(open_engine: Open, tmp_path: Path) -> None:
    places = [tmp_path / str(number) for number in range(4)]
    answers: list[int] = []
    engine = open_engine("held")
    running = threading.Thread(
        target=lambda: answers.extend(done.index for done in engine.map([str(place).encode() for place in places]))
    )
    running.start()
    victim = first_of([place.with_suffix(".pid") for place in places])
    os.kill(int(victim.read_text()), signal.SIGKILL)
    for place in places:
        place.with_suffix(".go").touch()
    running.join(DEADLINE_S)
    assert sorted(answers) == [0, 1, 2, 3]


def test_giving_up_in_the_middle_leaves_an_engine_that_works(open_engine: Open, tmp_path: Path) -> None:
    engine = open_engine("held")
    places = [tmp_path / name for name in "abcd"]
    for place in (places[0], places[1], places[3]):
        place.with_suffix(".go").touch()
    answers = engine.map([str(place).encode() for place in places[:3]])
    assert next(answers).answer == b"held"
    answers.close()
    places[2].with_suffix(".go").touch()
    assert [done.answer for done in engine.map([str(places[3]).encode()])] == [b"held"]


def test_children_compute_with_one_thread(open_engine: Open) -> None:
    assert [done.answer for done in open_engine("variables").map([b""])] == [b"1 1"]


def test_answers_say_what_they_cost(open_engine: Open) -> None:
    (done,) = open_engine("noisy").map([b"x"])
    assert done.seconds > 0
    assert done.peak_bytes > 1_000_000
