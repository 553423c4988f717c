"""What only Dask's engine promises."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from distributed import LocalCluster
from kinelog.ml.engines.dask_engine import DaskEngine
from kinelog.ml.engines.port import EngineUnavailableError


def test_a_worker_killed_in_the_middle_loses_no_answer(cluster: LocalCluster, tmp_path: Path) -> None:
    engine = DaskEngine("tests.ml.engines.answering:held", cluster.scheduler_address)
    places = [tmp_path / str(number) for number in range(6)]
    tasks = [str(place).encode() for place in places]
    answers = engine.map(tasks)
    places[0].with_suffix(".go").touch()
    places[1].with_suffix(".go").touch()
    next(answers)
    workers = [nanny.pid for nanny in cluster.workers.values()]
    os.kill(workers[0], signal.SIGKILL)
    for place in places:
        place.with_suffix(".go").touch()
    assert len(list(answers)) == 5
    engine.close()


def test_a_scheduler_that_is_not_there_is_named(unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinelog.ml.engines.dask_engine.CONNECT_S", 1)
    with pytest.raises(EngineUnavailableError, match=str(unused_tcp_port)):
        DaskEngine("tests.ml.engines.answering:echoed", f"tcp://127.0.0.1:{unused_tcp_port}")
