"""A region on real parts, with a clock that only moves when a test says so."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from kinelog.actors.region import Region
from kinelog.actors.settings import RegionSettings, ShardSettings
from kinelog.domain.identifiers import Person
from kinelog.journal.event_codec import EventCodec
from kinelog.journal.memory_journal import MemoryJournal
from kinelog.journal.port import Journal
from kinelog.privacy.key_store import KeyStore

from tests.actors.asking import Asker, Clock, MakeRegion


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    store = KeyStore.open(tmp_path / "keys")
    yield store
    store.close()


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal(shards=4)


@pytest.fixture
def settings() -> RegionSettings:
    shard = ShardSettings(backoff_ms=1, backoff_limit_ms=10)
    return RegionSettings(tick_ms=5, restart_ms=1, restart_limit_ms=10, shard=shard)


@pytest.fixture
def make_region(journal: MemoryJournal, keys: KeyStore, clock: Clock, settings: RegionSettings) -> Iterator[MakeRegion]:
    regions: list[Region] = []

    def make(on: Journal | None = None, with_settings: RegionSettings | None = None, *, start: bool = True) -> Region:
        region = Region(on or journal, keys, EventCodec(keys), settings=with_settings or settings, clock=clock)
        regions.append(region)
        if start:
            region.start()
        return region

    yield make
    for region in regions:
        region.stop(2.0)


@pytest.fixture
def region(make_region: MakeRegion) -> Region:
    return make_region()


@pytest.fixture
def asker(region: Region) -> Asker:
    return Asker(region)


@pytest.fixture
def person(keys: KeyStore) -> Person:
    return Person("demo", keys.enrol("demo", "Ada"))


@pytest.fixture
def session() -> str:
    return str(uuid.UUID(int=7))
