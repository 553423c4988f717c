"""Keys in Cassandra keep the contract, whatever gets lost on the way to the cluster."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinelog.cassandra_session.connection import Access, Connection, Statement
from kinelog.cassandra_session.driver_connection import connect
from kinelog.privacy import cassandra_erasures, cassandra_key_table
from kinelog.privacy.cassandra_erasures import CassandraErasures
from kinelog.privacy.cassandra_key_store import open_key_store
from kinelog.privacy.cassandra_schema import KEYS_SCHEMA
from kinelog.privacy.errors import (
    DamagedErasuresError,
    ErasedPersonError,
    IncompatibleKeyStoreError,
    KeyStoreUnavailableError,
)
from kinelog.privacy.key_store import SEALERS, KeyStore
from kinelog.privacy.master_key import MasterKey
from typing_extensions import override

from tests.cassandra.deployment import address_of, deployment
from tests.cassandra.shared_node import SharedNode
from tests.cassandra.unsure_connection import Fate, UnsureConnection
from tests.privacy.key_store_contract import KeyStoreContract, OpenStore, eventually

pytestmark = pytest.mark.cassandra

MASTER_KEY = os.urandom(32)
TABLES = ("people", "names", "erasures")
LATE = [Fate.LATE] * cassandra_key_table.TRIES

OpenOver = Callable[[Connection], KeyStore]


@pytest.fixture(scope="module")
def deployed(cassandra_node: SharedNode) -> Iterator[Connection]:
    prefix = f"t_keys_{os.urandom(4).hex()}"
    with deployment(address_of(cassandra_node.address, prefix), [KEYS_SCHEMA]) as connection:
        yield connection


@pytest.fixture
def connection(deployed: Connection) -> Connection:
    """Empty tables."""
    for table in TABLES:
        deployed.define(f"TRUNCATE {{keys}}.{table}")
    return deployed


@pytest.fixture
def open_over() -> Iterator[OpenOver]:
    opened: list[KeyStore] = []

    def open_it(over: Connection) -> KeyStore:
        opened.append(open_key_store(over, MasterKey(MASTER_KEY)))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


def held(connection: Connection, table: str) -> list[tuple[object, ...]]:
    """What lies in a table, as the cluster holds it."""
    cql = "SELECT * FROM {keys}.TABLE".replace("TABLE", table)
    return list(connection.ask(Statement(cql, Access.READ)))


class TestKeysInCassandra(KeyStoreContract):
    @pytest.fixture
    @override
    def open_store(self, connection: Connection) -> Iterator[OpenStore]:
        opened: list[KeyStore] = []

        def open_it(master_key: bytes = MASTER_KEY, sealers: int = SEALERS) -> KeyStore:
            opened.append(open_key_store(connection, MasterKey(master_key), sealers=sealers))
            return opened[-1]

        yield open_it
        for store in opened:
            store.close()


# ── outcomes that nobody knows ───────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=st.lists(st.sampled_from(Fate), max_size=4))
def test_an_enrolment_with_unknown_outcomes_ends_in_one_person_with_one_key(
    connection: Connection, open_over: OpenOver, fates: list[Fate]
) -> None:
    name = f"{fates}{os.urandom(8).hex()}"
    unsure = UnsureConnection(connection)
    store = open_over(unsure)
    unsure.meet(*fates)
    pseudonym = store.enrol("demo", name)
    sealed = store.sealer("demo", pseudonym).seal(b"first", b"")
    unsure.deliver()
    elsewhere = open_over(connection)
    assert elsewhere.enrol("demo", name) == pseudonym
    assert elsewhere.sealer("demo", pseudonym).open(sealed, b"") == b"first"


def test_two_nodes_that_both_hear_nothing_come_to_one_pseudonym(connection: Connection, open_over: OpenOver) -> None:
    unsure = [UnsureConnection(connection) for _ in range(4)]
    stores = [open_over(each) for each in unsure]
    answers: list[str] = []

    def enrol(number: int) -> None:
        unsure[number].meet(Fate.ANSWER_LOST, Fate.LATE, Fate.LOST, Fate.ANSWERED, Fate.ANSWER_LOST, Fate.LATE)
        answers.append(stores[number].enrol("demo", "alice"))

    threads = [threading.Thread(target=enrol, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in unsure:
        each.deliver()
    assert len(answers) == 4
    assert len(set(answers)) == 1
    assert [store.enrol("demo", "alice") for store in stores] == answers
    assert len(stores[0].people()) == 1


def test_a_claim_that_arrives_after_its_maker_gave_up_changes_nothing(
    connection: Connection, open_over: OpenOver
) -> None:
    unsure = UnsureConnection(connection)
    slow, quick = open_over(unsure), open_over(connection)
    unsure.meet(*LATE)
    with pytest.raises(KeyStoreUnavailableError):
        slow.enrol("demo", "alice")
    assert quick.pseudonym("demo", "alice") is None
    alice = quick.enrol("demo", "alice")
    unsure.deliver()
    assert slow.enrol("demo", "alice") == alice
    assert len(quick.people()) == 1


def test_a_claim_whose_maker_died_before_the_key_is_given_one_by_the_next(
    connection: Connection, open_over: OpenOver
) -> None:
    unsure = UnsureConnection(connection)
    dying, next_one = open_over(unsure), open_over(connection)
    unsure.meet(Fate.ANSWERED, *[Fate.LOST] * cassandra_key_table.TRIES)
    with pytest.raises(KeyStoreUnavailableError):
        dying.enrol("demo", "alice")
    assert next_one.pseudonym("demo", "alice") is None, "an enrolment that is not over"
    claimed = held(connection, "names")[0][1]
    assert next_one.enrol("demo", "alice") == claimed
    assert next_one.name("demo", str(claimed)) == "alice"


def test_a_key_that_arrives_after_its_person_was_erased_is_refused(connection: Connection, open_over: OpenOver) -> None:
    unsure = UnsureConnection(connection)
    slow, quick = open_over(unsure), open_over(connection)
    unsure.meet(Fate.ANSWERED, *LATE)
    with pytest.raises(KeyStoreUnavailableError):
        slow.enrol("demo", "alice")
    alice = quick.enrol("demo", "alice")
    quick.forget("demo", alice)
    unsure.deliver()
    assert quick._table.find(("demo", alice)) is None
    assert held(connection, "people") == [("demo", alice, "", None, None, None)]
    assert held(connection, "names") == []


def test_a_key_that_arrives_although_its_person_was_erased_before_it_had_one_is_refused(
    connection: Connection, open_over: OpenOver
) -> None:
    unsure = UnsureConnection(connection)
    slow, quick = open_over(unsure), open_over(connection)
    unsure.meet(Fate.ANSWERED, *LATE)
    with pytest.raises(KeyStoreUnavailableError):
        slow.enrol("demo", "alice")
    claimed = str(held(connection, "names")[0][1])
    quick.forget("demo", claimed)
    unsure.deliver()
    assert held(connection, "people") == [("demo", claimed, "", None, None, None)]
    assert quick.enrol("demo", "alice") != claimed


def test_a_name_whose_claim_arrives_after_the_erasure_goes_to_somebody_new(
    connection: Connection, open_over: OpenOver
) -> None:
    unsure = UnsureConnection(connection)
    slow, quick = open_over(unsure), open_over(connection)
    unsure.meet(Fate.ANSWER_LOST, Fate.LATE)  # one claim is applied, a copy of it is still on its way
    alice = slow.enrol("demo", "alice")
    quick.forget("demo", alice)
    unsure.deliver()
    assert held(connection, "names")[0][1] == alice, "this is the trap"
    assert quick.pseudonym("demo", "alice") is None
    again = quick.enrol("demo", "alice")
    assert again != alice
    assert slow.enrol("demo", "alice") == again


@pytest.mark.parametrize("fate", [Fate.LOST, Fate.ANSWER_LOST, Fate.LATE])
def test_an_erasure_is_in_the_list_before_anybody_is_told(
    connection: Connection, open_over: OpenOver, fate: Fate
) -> None:
    unsure = UnsureConnection(connection)
    store = open_over(unsure)
    alice, bob = store.enrol("demo", "alice"), store.enrol("demo", "bob")
    unsure.meet(fate)
    store.forget("demo", alice)
    unsure.deliver()
    store.forget("demo", bob)
    elsewhere = open_over(connection)
    assert elsewhere._erasures.people() == {("demo", alice), ("demo", bob)}
    assert elsewhere.people() == []


# ── the list of erasures ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_goes_on_over_many_blocks(
    connection: Connection, open_over: OpenOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cassandra_erasures, "BLOCK", 3)
    follower, writer = open_over(connection), open_over(connection)
    people = [("demo", f"{number:032x}") for number in range(7)]
    for person in people:
        writer.forget(*person)
    assert {row[0] for row in held(connection, "erasures")} == {0, 1, 2}
    assert eventually(lambda: follower._erasures.people() == set(people))


def test_an_erasure_that_is_missing_in_the_list_is_not_passed_over(connection: Connection, open_over: OpenOver) -> None:
    store = open_over(connection)
    for number in range(3):
        store.forget("demo", f"{number:032x}")
    connection.define("TRUNCATE {keys}.erasures")
    insert = "INSERT INTO {keys}.erasures (block, number, tenant, pseudonym) VALUES (0, ?, 'demo', 'x') IF NOT EXISTS"
    connection.conditional(Statement(insert, Access.CONDITIONAL), (2,))
    with pytest.raises(DamagedErasuresError, match="number 1 is missing"):
        CassandraErasures(connection)


def test_who_has_not_heard_of_the_list_for_long_does_not_say_that_nobody_was_erased(connection: Connection) -> None:
    now = 0.0
    erasures = CassandraErasures(connection, poll_s=3600.0, clock=lambda: now)
    erasures.append(("demo", "0" * 32), 1)
    now = cassandra_erasures.STALE_S - 1
    assert ("demo", "1" * 32) not in erasures
    now += 2
    with pytest.raises(KeyStoreUnavailableError, match="who was erased"):
        assert ("demo", "1" * 32) not in erasures
    assert ("demo", "0" * 32) in erasures
    erasures.refresh()
    assert ("demo", "1" * 32) not in erasures
    erasures.close()


def test_asking_who_was_erased_sends_nothing(
    connection: Connection, open_over: OpenOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_over(connection)
    erased = store.enrol("demo", "alice")
    store.forget("demo", erased)
    store._erasures.close()

    def refuse(*_: object) -> list[object]:
        pytest.fail("a statement was sent")

    monkeypatch.setattr(connection, "ask", refuse)
    assert store.is_erased("demo", erased)
    assert not store.is_erased("demo", "0" * 32)


# ── what a restore brings back, and what is not there ────────────────────────────────────────────────────────────


def test_keys_that_a_restore_brought_back_are_destroyed_at_the_next_open(
    connection: Connection, open_over: OpenOver
) -> None:
    store = open_over(connection)
    alice, bob = store.enrol("demo", "alice"), store.enrol("demo", "bob")
    people, names = held(connection, "people"), held(connection, "names")
    store.forget("demo", alice)
    for table in ("people", "names"):
        connection.define(f"TRUNCATE {{keys}}.{table}")
    restore_people = (
        "INSERT INTO {keys}.people (tenant, pseudonym, key_id, name_tag, sealed_name, wrapped)"
        " VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS"
    )
    restore_name = "INSERT INTO {keys}.names (name_tag, pseudonym, tenant) VALUES (?, ?, ?) IF NOT EXISTS"
    for row in people:
        connection.conditional(Statement(restore_people, Access.CONDITIONAL), row)  # type: ignore[arg-type]  # values
    for row in names:
        connection.conditional(Statement(restore_name, Access.CONDITIONAL), row)  # type: ignore[arg-type]  # values
    reader = open_key_store(connection, MasterKey(MASTER_KEY), may_write=False)
    with pytest.raises(ErasedPersonError):
        reader.sealer("demo", alice)
    reader.close()
    again = open_over(connection)
    assert again.people() == [("demo", bob)]
    assert held(connection, "people") == [
        row if row[1] == bob else ("demo", alice, "", None, None, None) for row in people
    ]
    assert again.pseudonym("demo", "bob") == bob


def test_keyspaces_without_tables_of_keys_are_named_with_what_to_do(cassandra_node: SharedNode) -> None:
    elsewhere = connect(address_of(cassandra_node.address, "nowhere"))
    try:
        with pytest.raises(IncompatibleKeyStoreError, match="no tables of keys: run `kinelog schema apply`"):
            open_key_store(elsewhere, MasterKey(MASTER_KEY))
    finally:
        elsewhere.close()
