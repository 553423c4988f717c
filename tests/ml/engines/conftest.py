"""Both engines, with two workers each, for one contract suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from distributed import LocalCluster
from kinelog.ml.engines.dask_engine import DaskEngine
from kinelog.ml.engines.port import Engine
from kinelog.ml.engines.process_engine import ProcessEngine

Open = Callable[[str], Engine]


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running


def _on_processes(_: pytest.FixtureRequest) -> Open:
    return lambda function: ProcessEngine(f"tests.ml.engines.answering:{function}", processes=2)


def _on_dask(request: pytest.FixtureRequest) -> Open:
    running: LocalCluster = request.getfixturevalue("cluster")
    return lambda function: DaskEngine(f"tests.ml.engines.answering:{function}", running.scheduler_address)


@pytest.fixture(params=[_on_processes, _on_dask], ids=["processes", "dask"])
def open_engine(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open an engine for a function of `answering`; closed after the test."""
    opened: list[Engine] = []
    make = request.param(request)

    def open_one(function: str) -> Engine:
        opened.append(make(function))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.close()
