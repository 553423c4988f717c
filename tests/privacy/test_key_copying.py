"""Keys, names and erasures arrive as they are, and no copy brings anybody back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from kinelog.privacy.erasure_list import FILE_NAME as ERASURES_NAME
from kinelog.privacy.erasure_list import ErasureList
from kinelog.privacy.errors import ErasedPersonError, IncompatibleKeyStoreError, WrongMasterKeyError
from kinelog.privacy.key_copying import Keys, KeysCopied, copy_keys, require_same_master_key
from kinelog.privacy.key_file import FILE_NAME as KEYS_NAME
from kinelog.privacy.key_store import KeyStore
from kinelog.privacy.key_table import KeyRecord, Person
from kinelog.privacy.master_key import MasterKey
from kinelog.privacy.sqlite_key_table import SqliteKeyTable
from typing_extensions import override

KEY = bytes(range(32))
PLACE = b"place"


@contextmanager
def tables(folder: Path, master: bytes = KEY) -> Iterator[Keys]:
    folder.mkdir(exist_ok=True)
    table = SqliteKeyTable(folder / KEYS_NAME, MasterKey(master).check)
    with closing(table):
        yield Keys(table, ErasureList(folder / ERASURES_NAME))


@contextmanager
def store(folder: Path) -> Iterator[KeyStore]:
    with closing(KeyStore.open(folder, KEY)) as opened:
        yield opened


def copy(source: Path, destination: Path) -> KeysCopied:
    with tables(source) as one, tables(destination) as other:
        require_same_master_key(MasterKey(KEY), (one, other))
        return copy_keys(one, other, lambda: 1_700_000_000_000)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    with store(tmp_path / "source") as keys:
        keys.enrol_tenant("demo")
        for name in ("ada", "ben", "cyd"):
            keys.enrol("demo", name)
    return tmp_path / "source"


def test_what_was_sealed_with_the_source_opens_with_the_copy_and_names_are_found(source: Path, tmp_path: Path) -> None:
    with store(source) as keys:
        people = {name: keys.enrol("demo", name) for name in ("ada", "ben")}
        sealed = {name: keys.sealer("demo", person).seal(b"x", PLACE) for name, person in people.items()}
    assert copy(source, tmp_path / "copy") == KeysCopied(4, 0)
    with store(tmp_path / "copy") as keys:
        for name, person in people.items():
            assert keys.pseudonym("demo", name) == person
            assert keys.name("demo", person) == name
            assert keys.sealer("demo", person).open(sealed[name], PLACE) == b"x"
        assert keys.sealer("demo", "@").key_id


def test_again_it_adds_who_is_new_and_changes_nothing_else(source: Path, tmp_path: Path) -> None:
    copy(source, tmp_path / "copy")
    with tables(tmp_path / "copy") as keys:
        before = dict(keys.table.records())
    with store(source) as keys_of_source:
        new = keys_of_source.enrol("demo", "dan")
    assert copy(source, tmp_path / "copy") == KeysCopied(5, 0)
    with tables(tmp_path / "copy") as keys:
        after = dict(keys.table.records())
    assert after.pop(("demo", new))
    assert after == before


def test_who_was_erased_at_the_source_before_or_since_is_erased_at_the_copy(source: Path, tmp_path: Path) -> None:
    with store(source) as keys:
        ada, ben = keys.enrol("demo", "ada"), keys.enrol("demo", "ben")
        keys.forget("demo", ada)
    assert copy(source, tmp_path / "copy") == KeysCopied(3, 1)
    with store(source) as keys:
        keys.forget("demo", ben)
    assert copy(source, tmp_path / "copy") == KeysCopied(2, 1)
    assert copy(source, tmp_path / "copy") == KeysCopied(2, 0)
    with store(tmp_path / "copy") as keys:
        for erased in (ada, ben):
            assert keys.is_erased("demo", erased)
            with pytest.raises(ErasedPersonError):
                keys.sealer("demo", erased)
        assert keys.pseudonym("demo", "cyd") is not None


def test_who_is_erased_while_the_keys_are_copied_does_not_arrive(source: Path, tmp_path: Path) -> None:
    """Erased after the list was read and after the key was copied: the end of the same pass takes it away."""

    class ErasingTable(SqliteKeyTable):
        @override
        def add(self, person: Person, name_tag: bytes | None, make: Callable[[Person], KeyRecord]) -> Person:
            added = super().add(person, name_tag, make)
            if person == ("demo", ben):
                with store(source) as keys:
                    keys.forget("demo", ben)
            return added

    with store(source) as keys:
        ben = keys.enrol("demo", "ben")
    target = tmp_path / "copy"
    target.mkdir()
    with tables(source) as one, closing(ErasingTable(target / KEYS_NAME, MasterKey(KEY).check)) as table:
        assert copy_keys(one, Keys(table, ErasureList(target / ERASURES_NAME)), lambda: 1).erased == 1
        assert table.find(("demo", ben)) is None
    assert ("demo", ben) in ErasureList(target / ERASURES_NAME)


def test_who_was_erased_at_the_destination_is_not_brought_back(source: Path, tmp_path: Path) -> None:
    copy(source, tmp_path / "copy")
    with store(tmp_path / "copy") as keys:
        ada = keys.enrol("demo", "ada")
        keys.forget("demo", ada)
    copy(source, tmp_path / "copy")
    with store(tmp_path / "copy") as keys:
        assert keys.pseudonym("demo", "ada") is None
        assert keys.is_erased("demo", ada)


def test_another_master_key_is_refused_on_either_side(source: Path, tmp_path: Path) -> None:
    with tables(tmp_path / "other", bytes(32)) as other, tables(source) as one:
        for ends in ((one, other), (other, one)):
            with pytest.raises(WrongMasterKeyError, match=r"other/keys\.db"):
                require_same_master_key(MasterKey(KEY), ends)


def test_a_store_that_has_somebody_else_of_that_name_or_another_key_is_refused(source: Path, tmp_path: Path) -> None:
    with store(tmp_path / "other") as keys:
        keys.enrol("demo", "ada")
    with pytest.raises(IncompatibleKeyStoreError, match="has the name"):
        copy(source, tmp_path / "other")
    with store(tmp_path / "third") as keys:
        keys.enrol_tenant("demo")
    with pytest.raises(IncompatibleKeyStoreError, match="another key of demo/@"):
        copy(source, tmp_path / "third")
