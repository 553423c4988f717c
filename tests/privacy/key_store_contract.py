"""What every key store has to keep, wherever it lies. An adapter's tests subclass `KeyStoreContract`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.privacy.errors import ErasedPersonError, TamperedError, UnknownPersonError, WrongMasterKeyError
from kinelog.privacy.key_store import KeyStore
from kinelog.privacy.key_table import KeyRecord, Person

OpenStore = Callable[..., KeyStore]
"""Opens one and the same store, as another process would; `master_key` and `sealers` may be given."""

ACROSS_PROCESSES_S = 60.0
"""Of a machine that is busy with other things as well; what every process must have heard, it hears within a second."""


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds before nobody would wait any longer for every process to have heard of an erasure."""
    deadline = time.monotonic() + ACROSS_PROCESSES_S
    while not (held := holds()) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return held


class KeyStoreContract:
    """The store's promises. A subclass gives `open_store`, of an empty store."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Open the store, any number of times, and close it afterwards."""
        raise NotImplementedError

    @pytest.fixture
    def keys(self, open_store: OpenStore) -> KeyStore:
        return open_store()

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_name_gets_one_random_pseudonym_for_ever(self, open_store: OpenStore, keys: KeyStore) -> None:
        alice = keys.enrol("demo", "alice")
        assert keys.enrol("demo", "alice") == alice
        assert len(alice) == 32
        assert int(alice, 16) >= 0
        assert keys.enrol("other", "alice") != alice
        assert keys.pseudonym("demo", "alice") == alice
        assert keys.name("demo", alice) == "alice"
        assert keys.pseudonym("demo", "bob") is None
        assert keys.name("demo", "0" * 32) is None
        again = open_store()
        assert again.pseudonym("demo", "alice") == alice
        assert again.name("demo", alice) == "alice"

    def test_any_name_comes_back_as_it_was(self, keys: KeyStore) -> None:
        @settings(max_examples=30, deadline=None)
        @given(name=st.text(min_size=1, max_size=100).filter(lambda name: len(name.encode("utf-8", "replace")) <= 512))
        def comes_back(name: str) -> None:
            assert keys.name("demo", keys.enrol("demo", name)) == name

        comes_back()

    @pytest.mark.parametrize("name", ["", "x" * 513])
    def test_a_name_without_measure_is_refused(self, keys: KeyStore, name: str) -> None:
        with pytest.raises(ValueError, match="512"):
            keys.enrol("demo", name)

    def test_enrolling_one_name_in_many_threads_of_two_processes_gives_one_pseudonym(
        self, open_store: OpenStore
    ) -> None:
        stores = [open_store(), open_store()]
        answers: list[list[str]] = []

        def enrol_some(store: KeyStore) -> None:
            answers.append([store.enrol("demo", f"user{number}") for number in range(5)])

        threads = [threading.Thread(target=enrol_some, args=(stores[number % 2],)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 8
        assert all(answer == answers[0] for answer in answers)
        assert len(set(answers[0])) == 5
        assert stores[1].people() == sorted(("demo", pseudonym) for pseudonym in answers[0])

    def test_everybody_is_listed(self, keys: KeyStore) -> None:
        people = {("demo", keys.enrol("demo", f"user{number}")) for number in range(20)}
        keys.enrol_tenant("demo")
        assert keys.people() == sorted(people | {("demo", "@")})

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_sealers_survive_reopening_and_differ_by_person(self, open_store: OpenStore, keys: KeyStore) -> None:
        alice, bob = keys.enrol("demo", "alice"), keys.enrol("demo", "bob")
        sealed = keys.sealer("demo", alice).seal(b"secret", b"place")
        with pytest.raises(TamperedError):
            keys.sealer("demo", bob).open(sealed, b"place")
        assert open_store().sealer("demo", alice).open(sealed, b"place") == b"secret"

    def test_who_was_never_enrolled_has_no_sealer(self, keys: KeyStore) -> None:
        with pytest.raises(UnknownPersonError):
            keys.sealer("demo", "0" * 32)

    def test_a_tenant_has_a_key_of_its_own_made_once(self, open_store: OpenStore, keys: KeyStore) -> None:
        keys.enrol_tenant("demo")
        sealed = keys.sealer("demo", "@").seal(b"a role", b"")
        keys.enrol_tenant("demo")
        other = open_store()
        other.enrol_tenant("demo")
        assert other.sealer("demo", "@").open(sealed, b"") == b"a role"
        assert keys.name("demo", "@") is None

    def test_the_wrong_master_key_is_recognised(self, open_store: OpenStore, keys: KeyStore) -> None:
        keys.enrol("demo", "alice")
        with pytest.raises(WrongMasterKeyError, match="another master key"):
            open_store(master_key=os.urandom(32))
        with pytest.raises(WrongMasterKeyError, match="32 bytes"):
            open_store(master_key=b"short")

    def test_a_wrapped_key_that_was_moved_to_another_person_does_not_unwrap(
        self, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, bob = keys.enrol("demo", "alice"), keys.enrol("demo", "bob")
        of_alice = keys._table.find(("demo", alice))
        monkeypatch.setattr(keys._table, "find", lambda _person: of_alice)
        with pytest.raises(TamperedError):
            keys.sealer("demo", bob)

    def test_the_cache_of_sealers_is_bounded_and_loses_nobody(self, open_store: OpenStore) -> None:
        store = open_store(sealers=8)
        people = [store.enrol("demo", f"user{index}") for index in range(40)]
        sealed = [store.sealer("demo", person).seal(b"x", b"") for person in people]
        assert len(store._sealers) <= 8
        assert all(
            store.sealer("demo", person).open(what, b"") == b"x" for person, what in zip(people, sealed, strict=True)
        )
        assert store.sealer("demo", people[-1]) is store.sealer("demo", people[-1])

    # ── erasures ─────────────────────────────────────────────────────────────────────────────────────────────────

    def test_the_erased_are_refused_at_once_here_and_soon_everywhere(
        self, open_store: OpenStore, keys: KeyStore
    ) -> None:
        alice = keys.enrol("demo", "alice")
        elsewhere = open_store()
        sealed = keys.sealer("demo", alice).seal(b"x", b"")
        assert elsewhere.sealer("demo", alice).open(sealed, b"") == b"x"
        assert not elsewhere.is_erased("demo", alice)
        keys.forget("demo", alice)
        keys.forget("demo", alice)
        assert keys.is_erased("demo", alice)
        with pytest.raises(ErasedPersonError):
            keys.sealer("demo", alice)
        assert eventually(lambda: elsewhere.is_erased("demo", alice))
        with pytest.raises(ErasedPersonError):
            elsewhere.sealer("demo", alice)
        assert elsewhere.pseudonym("demo", "alice") is None
        assert elsewhere.name("demo", alice) is None
        assert elsewhere.people() == []

    def test_who_reads_of_an_erasure_in_the_log_need_not_wait(self, keys: KeyStore) -> None:
        alice = keys.enrol("demo", "alice")
        keys.sealer("demo", alice)
        keys.evict("demo", alice)
        with pytest.raises(ErasedPersonError):
            keys.sealer("demo", alice)

    def test_the_same_name_comes_back_as_somebody_new(self, open_store: OpenStore, keys: KeyStore) -> None:
        elsewhere = open_store()
        alice = keys.enrol("demo", "alice")
        keys.forget("demo", alice)
        assert keys.pseudonym("demo", "alice") is None
        again = elsewhere.enrol("demo", "alice")
        assert again != alice
        assert keys.enrol("demo", "alice") == again
        assert keys.name("demo", again) == "alice"

    def test_an_erasure_that_was_written_down_is_finished_at_the_next_open(
        self, open_store: OpenStore, keys: KeyStore
    ) -> None:
        alice, bob = keys.enrol("demo", "alice"), keys.enrol("demo", "bob")
        # The process died right after it was durable.
        keys._erasures.append(("demo", alice), 1)
        again = open_store()
        assert again.people() == [("demo", bob)]
        assert again._table.find(("demo", alice)) is None
        assert again.pseudonym("demo", "alice") is None
        with pytest.raises(ErasedPersonError):
            again.sealer("demo", alice)

    def test_who_was_erased_stays_erased_whatever_the_table_brings_back(
        self, open_store: OpenStore, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice = keys.enrol("demo", "alice")
        restored = keys._table.find(("demo", alice))
        keys.forget("demo", alice)
        reader = open_store()
        monkeypatch.setattr(reader._table, "find", lambda _person: restored)
        monkeypatch.setattr(reader._table, "named", lambda _tag: ("demo", alice))
        with pytest.raises(ErasedPersonError):
            reader.sealer("demo", alice)
        assert reader.name("demo", alice) is None
        assert reader.pseudonym("demo", "alice") is None

    def test_only_pseudonyms_may_be_erased(self, keys: KeyStore) -> None:
        with pytest.raises(ValueError, match="pseudonym"):
            keys.forget("demo", "alice")

    def test_many_erasures_from_two_processes_are_all_in_the_list(self, open_store: OpenStore) -> None:
        stores = [open_store(), open_store()]
        people = [f"{number:032x}" for number in range(12)]

        def forget(store: KeyStore, mine: list[str]) -> None:
            for pseudonym in mine:
                store.forget("demo", pseudonym)

        # Some of them by both.
        threads = [
            threading.Thread(target=forget, args=(stores[0], people[:8])),
            threading.Thread(target=forget, args=(stores[1], people[4:])),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert open_store()._erasures.people() == {("demo", pseudonym) for pseudonym in people}

    def test_a_key_read_just_before_its_erasure_does_not_enter_the_cache_after_it(
        self, keys: KeyStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice = keys.enrol("demo", "alice")
        find = keys._table.find

        def found_then_forgotten(person: Person) -> KeyRecord | None:
            record = find(person)
            keys._sealers.bar(person)
            return record

        monkeypatch.setattr(keys._table, "find", found_then_forgotten)
        with pytest.raises(ErasedPersonError):
            keys.sealer("demo", alice)
