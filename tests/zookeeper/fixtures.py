"""ZooKeeper servers for tests anywhere in the suite; registered in `tests/conftest.py`.

A machine without Java or Maven fails these tests: what they hold the code against is not optional.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from kinelog.actors.membership.zookeeper_layout import ZooKeeperAddress

from zookeeper_server.ensemble import ZooKeeperEnsemble
from zookeeper_server.errors import ZooKeeperServerError


@pytest.fixture(scope="session")
def zookeeper_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperEnsemble]:
    """One server for all tests of this process; never to be harmed."""
    yield from started(tmp_path_factory, servers=1)


@pytest.fixture(scope="module")
def zookeeper_ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperEnsemble]:
    """Three servers for one module. Who harms one makes it well again."""
    yield from started(tmp_path_factory, servers=3)


@pytest.fixture
def own_zookeeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZooKeeperEnsemble]:
    """One server for one test, to be stopped, paused and killed."""
    yield from started(tmp_path_factory, servers=1)


@pytest.fixture
def zookeeper(zookeeper_server: ZooKeeperEnsemble) -> ZooKeeperAddress:
    """A root of the test's own on the shared server."""
    return address_in(zookeeper_server)


def address_in(ensemble: ZooKeeperEnsemble) -> ZooKeeperAddress:
    """A root that nobody else uses."""
    return ZooKeeperAddress.parse(f"{ensemble.address}/test-{secrets.token_hex(6)}")


def started(tmp_path_factory: pytest.TempPathFactory, *, servers: int) -> Iterator[ZooKeeperEnsemble]:
    """Servers that end with the fixture, however the tests end; their logs stay in the run's folder."""
    ensemble = None
    try:
        ensemble = ZooKeeperEnsemble(tmp_path_factory.mktemp("zookeeper"), servers, forgetful=True)
        ensemble.start()
    except ZooKeeperServerError as error:
        pytest.fail(str(error), pytrace=False)
    yield ensemble
    ensemble.kill()
