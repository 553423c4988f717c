"""One writer a data folder, or one group of writers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from kinelog.service.errors import TryAgainError
from kinelog.service.folder_lock import FolderLock

GROUP = "nodes of 127.0.0.1:2181/kinelog"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "serve.lock"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinelog.service.folder_lock.JOIN_S", 0.1)


def test_members_of_a_group_share_it_and_who_wants_it_alone_is_told_who_they_are(file: Path) -> None:
    with FolderLock(file, GROUP), FolderLock(file, GROUP), pytest.raises(TryAgainError, match=GROUP):
        FolderLock(file).__enter__()
    with FolderLock(file), pytest.raises(TryAgainError, match="process"):
        FolderLock(file, GROUP).__enter__()


def test_members_of_another_group_stay_outside(file: Path) -> None:
    with FolderLock(file, GROUP), pytest.raises(TryAgainError, match=GROUP):
        FolderLock(file, "nodes of elsewhere").__enter__()
    with FolderLock(file, "nodes of elsewhere"), FolderLock(file, "nodes of elsewhere"):
        pass


def test_the_group_has_it_until_the_last_member_has_left(file: Path) -> None:
    first, second = FolderLock(file, GROUP).__enter__(), FolderLock(file, GROUP).__enter__()
    first.__exit__(None, None, None)
    with pytest.raises(TryAgainError, match=GROUP):
        FolderLock(file).__enter__()
    second.__exit__(None, None, None)
    with FolderLock(file):
        pass


def test_members_that_start_at_once_all_come_in(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinelog.service.folder_lock.JOIN_S", 10.0)
    together, came_in = threading.Barrier(8), list[FolderLock]()

    def join() -> None:
        together.wait()
        came_in.append(FolderLock(file, GROUP).__enter__())

    threads = [threading.Thread(target=join) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(came_in) == 8
    for lock in came_in:
        lock.__exit__(None, None, None)
