"""The model store in Cassandra keeps the contract, whatever gets lost on the way to the cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinelog.cassandra_session.connection import Access, Conditional, Connection, Request, Row, Statement, Value
from kinelog.cassandra_session.driver_connection import connect
from kinelog.registry.cassandra import answers
from kinelog.registry.cassandra.model_store import CassandraModelStore
from kinelog.registry.cassandra.schema import MODELS_SCHEMA
from kinelog.registry.errors import (
    DamagedBlobError,
    IncompatibleRegistryError,
    RegistryUnavailableError,
    StaleLeaseError,
    UnknownBlobError,
    VersionConflictError,
)
from kinelog.registry.manifest import manifest_bytes
from kinelog.registry.publishing import manifest_of
from typing_extensions import override

from tests.cassandra.deployment import address_of, deployment
from tests.cassandra.shared_node import SharedNode
from tests.cassandra.unsure_connection import Fate, UnsureConnection
from tests.registry.made_publications import CREATED, KEY, OTHER_KEY, SCOPE, Clock, blob_of, draft, put
from tests.registry.model_store_contract import EVER, ModelStoreContract, OpenStore

pytestmark = pytest.mark.cassandra

TABLES = ("contents", "ledger", "documents", "runs", "confirmations", "keys")

OpenOver = Callable[[Connection], CassandraModelStore]


@pytest.fixture(scope="module")
def deployed(cassandra_node: SharedNode) -> Iterator[Connection]:
    prefix = f"t_models_{os.urandom(4).hex()}"
    with deployment(address_of(cassandra_node.address, prefix), [MODELS_SCHEMA]) as connection:
        yield connection


def emptied(deployed: Connection) -> Connection:
    for table in TABLES:
        deployed.define(f"TRUNCATE {{models}}.{table}")
    return deployed


@pytest.fixture
def connection(deployed: Connection) -> Connection:
    """Empty tables."""
    return emptied(deployed)


class TestModelStoreInCassandra(ModelStoreContract):
    @pytest.fixture
    @override
    def open_store(self, clock: Clock, connection: Connection) -> OpenStore:
        return lambda: CassandraModelStore(connection, clock_ms=clock)


# ── publishers beside a sweep ───────────────────────────────────────────────────────────────────────────────────


class Interrupted(UnsureConnection):
    """Something else happens once, right before or behind the first statement that begins so."""

    def __init__(self, connection: Connection, begins: str, happens: Callable[[], object], *, behind: bool) -> None:
        super().__init__(connection)
        self._begins, self._happens, self._behind = begins, happens, behind
        self.happened = False

    @override
    def ask_all(self, requests: Iterable[Request], in_flight: int = 64) -> list[list[Row]]:
        listed = list(requests)
        due = not self.happened and any(statement.cql.startswith(self._begins) for statement, _ in listed)
        self.happened = self.happened or due
        if due and not self._behind:
            self._happens()
        answers = super().ask_all(listed, in_flight)
        if due and self._behind:
            self._happens()
        return answers


@pytest.mark.parametrize("behind", [False, True])
def test_who_puts_a_blob_again_while_it_is_removed_has_it(connection: Connection, behind: bool) -> None:  # noqa: FBT001 - a parameter of the test
    publisher = CassandraModelStore(connection)
    sha256 = publisher.put_blob(blob_of(1))
    unsure = Interrupted(connection, "DELETE", lambda: put(publisher, seed=1), behind=behind)
    assert CassandraModelStore(unsure).remove_unnamed_blobs(EVER) == []
    assert unsure.happened
    assert publisher.blob(sha256) == blob_of(1)


def test_a_publication_that_names_a_blob_while_it_is_removed_has_it_put_back(connection: Connection) -> None:
    publisher = CassandraModelStore(connection)
    sha256 = publisher.put_blob(blob_of(1))
    manifest = manifest_bytes(manifest_of(draft(), SCOPE, blob_of(1), None, CREATED))

    def named() -> None:
        publisher.publish(SCOPE, manifest, KEY.sign(manifest), sha256, expected=None)

    unsure = Interrupted(connection, "DELETE", named, behind=False)
    assert CassandraModelStore(unsure).remove_unnamed_blobs(EVER) == []
    assert unsure.happened
    assert publisher.blob(sha256) == blob_of(1)


def test_a_publication_that_looked_for_its_blob_before_the_removal_writes_nothing(connection: Connection) -> None:
    sweeper = CassandraModelStore(connection)
    sha256 = sweeper.put_blob(blob_of(1))
    manifest = manifest_bytes(manifest_of(draft(), SCOPE, blob_of(1), None, CREATED))
    swept: list[str] = []

    class Slow(UnsureConnection):
        @override
        def conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
            swept.extend(sweeper.remove_unnamed_blobs(EVER))
            return super().conditional(statement, values)

    with pytest.raises(UnknownBlobError, match="put it first"):
        CassandraModelStore(Slow(connection)).publish(SCOPE, manifest, KEY.sign(manifest), sha256, expected=None)
    assert swept == [sha256]
    assert sweeper.publications() == []
    first = put(sweeper, seed=1)
    assert sweeper.publications() == [first]


# ── outcomes that nobody knows ───────────────────────────────────────────────────────────────────────────────────

some_fates = st.lists(st.sampled_from(Fate), max_size=4)
on_one_store = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@on_one_store
@given(fates=some_fates)
def test_a_publication_with_unknown_outcomes_happens_once(deployed: Connection, fates: list[Fate]) -> None:
    unsure = UnsureConnection(emptied(deployed))
    store, elsewhere = CassandraModelStore(unsure), CassandraModelStore(deployed)
    lease = store.acquire_lease("fit", "one", 60)
    unsure.meet(*fates)
    first = put(store, seed=1, lease=lease)
    unsure.deliver()
    assert elsewhere.publications() == [first]
    assert elsewhere.champion(SCOPE) == elsewhere.version(SCOPE, 1) == first
    second = put(elsewhere, seed=2, after=first)
    unsure.deliver()
    assert elsewhere.publications() == [first, second]


def test_a_publication_that_arrives_after_its_lease_went_on_is_refused(connection: Connection) -> None:
    unsure = UnsureConnection(connection)
    slow, quick = CassandraModelStore(unsure), CassandraModelStore(connection)
    lease = slow.acquire_lease("fit", "slow", 60)
    unsure.meet(*[Fate.LATE] * answers.TRIES)
    with pytest.raises(RegistryUnavailableError, match="ask the same again"):
        put(slow, seed=1, lease=lease)
    taken = quick.acquire_lease("fit", "quick", 60, take_over=True)
    unsure.deliver()
    assert quick.publications() == []
    first = put(quick, seed=2, lease=taken)
    unsure.deliver()
    with pytest.raises(StaleLeaseError):
        put(slow, seed=1, lease=lease)
    assert quick.publications() == [first]


def test_a_publication_that_arrives_after_another_one_is_refused(connection: Connection) -> None:
    unsure = UnsureConnection(connection)
    slow, quick = CassandraModelStore(unsure), CassandraModelStore(connection)
    unsure.meet(*[Fate.LATE] * answers.TRIES)
    with pytest.raises(RegistryUnavailableError):
        put(slow, seed=1)
    first = put(quick, seed=2)
    unsure.deliver()
    assert quick.publications() == [first]
    with pytest.raises(VersionConflictError):
        put(slow, seed=1)


@on_one_store
@given(fates=some_fates)
def test_a_lease_with_unknown_outcomes_has_one_holder(deployed: Connection, fates: list[Fate]) -> None:
    clock = Clock()
    unsure = UnsureConnection(emptied(deployed))
    store, rival = CassandraModelStore(unsure, clock_ms=clock), CassandraModelStore(deployed, clock_ms=clock)
    unsure.meet(*fates)
    lease = store.acquire_lease("fit", "one", 60)
    unsure.deliver()
    assert rival.lease("fit") == lease
    unsure.meet(*fates)
    assert store.renew(lease, 90).token == lease.token
    clock.pass_s(100)
    taken = rival.acquire_lease("fit", "two", 60)
    unsure.deliver()
    assert rival.lease("fit") == taken
    assert taken.token > lease.token


def test_a_record_that_arrives_late_does_not_replace_the_one_behind_it(connection: Connection) -> None:
    unsure = UnsureConnection(connection)
    store = CassandraModelStore(unsure)
    unsure.meet(Fate.LATE, Fate.LATE)
    store.save_run("run", b"begun")
    store.save_run("run", b"done")
    unsure.deliver()
    assert store.run("run") == b"done"
    unsure.meet(Fate.ANSWER_LOST)
    store.save_population(SCOPE, b"night 1")
    assert store.population(SCOPE) == b"night 1"


def test_a_key_that_was_retired_while_it_was_being_added_stays_retired(connection: Connection) -> None:
    unsure = UnsureConnection(connection)
    store = CassandraModelStore(unsure)
    unsure.meet(Fate.LATE)
    store.add_key(KEY.public)
    unsure.meet(Fate.ANSWER_LOST)
    store.retire_key(KEY.key_id)
    unsure.deliver()
    store.add_key(OTHER_KEY.public)
    assert store.keys() == [OTHER_KEY.public]


# ── what lies in the tables ──────────────────────────────────────────────────────────────────────────────────────


def test_what_was_changed_under_its_hash_is_not_served(connection: Connection) -> None:
    store = CassandraModelStore(connection)
    first = put(store)
    write = Statement("INSERT INTO {models}.contents (sha256, data) VALUES (?, ?)", Access.WRITE)
    connection.ask(write, (first.blob, blob_of(1)))
    with pytest.raises(DamagedBlobError, match=first.blob):
        store.blob(first.blob)
    store.put_blob(blob_of(0))
    assert store.blob(first.blob) == blob_of(0)


def test_what_phones_ask_for_is_read_row_by_row(connection: Connection) -> None:
    store = CassandraModelStore(connection)
    last = None
    for seed in range(4):
        last = put(store, seed=seed, after=last)
    traced = connection.traced(
        Statement(
            "SELECT manifest FROM {models}.ledger"
            " WHERE registry = 'models' AND kind = 'newest' AND name = ? AND version = 0",
            Access.READ,
        ),
        (SCOPE.path,),
    )
    assert traced.live_rows == 1
    assert not traced.full_scan


def test_keyspaces_without_tables_of_models_are_named_with_what_to_do(cassandra_node: SharedNode) -> None:
    elsewhere = connect(address_of(cassandra_node.address, "nowhere"))
    try:
        with pytest.raises(IncompatibleRegistryError, match="no tables of models: run `kinelog schema apply`"):
            CassandraModelStore(elsewhere).champion(SCOPE)
    finally:
        elsewhere.close()
