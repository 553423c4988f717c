"""A connection by the driver.

The driver calls back on the one thread that does its I/O; whatever takes time there delays every answer, and a wait for
another answer there never ends. So all it does here is to put the answer into a queue.
"""

from __future__ import annotations

import logging
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    ResponseFuture,
    Session,
)
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    FallthroughRetryPolicy,
    RetryPolicy,
    TokenAwarePolicy,
)
from cassandra.pool import Host
from cassandra.query import BatchStatement, BatchType, PreparedStatement, dict_factory, tuple_factory
from kinelog.cassandra_session.address import CassandraAddress, Credentials
from kinelog.cassandra_session.connection import (
    Access,
    Conditional,
    Connection,
    Keyspaces,
    Request,
    Row,
    Statement,
    Traced,
    Value,
)
from kinelog.cassandra_session.driver_errors import not_connected, translated
from kinelog.cassandra_session.errors import (
    CassandraError,
    RefusedStatementError,
    SchemaError,
    UnreachableError,
)
from kinelog.cassandra_session.traces import rows_and_tombstones
from typing_extensions import override

logger = logging.getLogger(__name__)

REQUEST_S = 12.0
"""Longer than any time-out of the servers: it is they who should say what became of a statement."""

CONNECT_S = 10.0

PROTOCOL_VERSION = 5
"""Of Cassandra 4.0 and later; asked for newer ones, every node would be tried with each in turn, and a warning."""

AGREEMENT_S = 75.0
"""A node that missed a change of the schema (busy, just started) asks its neighbours for it after a minute."""

SCHEMA_S = AGREEMENT_S + 15.0

DEFINED_TOGETHER = 16
"""Changes of the schema that are under way at a time."""

TRACE_S = 10.0

SOCKET_BYTES = 1 << 18
"""How much goes to or comes from the system at once. The driver's own 4 096 make fifteen calls of a usual commit, and
after each its thread has to wait for the interpreter's lock again, behind threads that decide and seal."""

_APPLIED = "[applied]"

Rows = list[Row]
Told = Callable[[object], None]


class _Socket(Cluster.connection_class):  # type: ignore[misc] # the driver, which has no types, chooses it at run time
    """A connection to one node, with buffers that hold a commit."""

    in_buffer_size = SOCKET_BYTES
    out_buffer_size = SOCKET_BYTES


@dataclass
class _Answers:
    """Hands answers from the driver's thread to one of ours."""

    waiting: queue.SimpleQueue[tuple[Told, object] | None] = field(default_factory=queue.SimpleQueue)
    thread: threading.Thread | None = None

    def start(self) -> None:
        # A daemon: a program that dies without closing must not hang; nothing unanswered was promised.
        self.thread = threading.Thread(target=self._serve, name="cassandra-answers", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.waiting.put(None)
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join()

    def _serve(self) -> None:
        while (answer := self.waiting.get()) is not None:
            told, outcome = answer
            try:
                told(outcome)
            except Exception:  # whoever is told promised not to raise; the others' answers must still come
                logger.exception("an answer of the cluster could not be delivered")


class DriverConnection(Connection):
    """The connection of a process; make it with `connect`."""

    def __init__(self, cluster: Cluster, session: Session, address: CassandraAddress) -> None:
        """Use a connected session."""
        self.keyspaces = Keyspaces.of(address.prefix)
        self.replication = address.replication
        self.address = address
        self._cluster = cluster
        self._session = session
        self._prepared: dict[Statement, PreparedStatement] = {}
        self._kept: list[PreparedStatement] = []
        self._lock = threading.Lock()
        self._answers = _Answers()
        self._answers.start()

    # ── one statement ────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def ask(self, statement: Statement, values: tuple[Value, ...] = ()) -> list[Row]:
        future = self._send(statement, values)
        try:
            return list(future.result())
        except Exception as error:
            raise self._error(error, statement.access, future) from error

    @override
    def conditional(self, statement: Statement, values: tuple[Value, ...]) -> Conditional:
        future = self._send(statement, values)
        try:
            return _conditional(list(future.result()))
        except Exception as error:
            raise self._error(error, statement.access, future) from error

    @override
    def ask_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[list[Row] | CassandraError], None]
    ) -> None:
        self._soon(statement, values, cast("Told", done), lambda rows: rows)

    @override
    def conditional_soon(
        self, statement: Statement, values: tuple[Value, ...], done: Callable[[Conditional | CassandraError], None]
    ) -> None:
        self._soon(statement, values, cast("Told", done), _conditional)

    # ── many statements ──────────────────────────────────────────────────────────────────────────────────────────

    @override
    def ask_all(self, requests: Iterable[Request], in_flight: int = 64) -> list[list[Row]]:
        answers: list[list[Row]] = []
        waiting: list[tuple[Statement, ResponseFuture]] = []
        # A window that moves: the oldest is waited for, so at most `in_flight` are on their way at any moment.
        for statement, values in requests:
            if len(waiting) - len(answers) >= in_flight:
                answers.append(self._finish(*waiting[len(answers)]))
            waiting.append((statement, self._send(statement, values)))
        answers.extend(self._finish(*later) for later in waiting[len(answers) :])
        return answers

    @override
    def write_all(self, batches: Iterable[Sequence[Request]], in_flight: int = 32) -> None:
        waiting: list[ResponseFuture] = []
        finished = 0
        for group in batches:
            if not group:
                continue
            if len(waiting) - finished >= in_flight:
                self._finish_write(waiting[finished])
                finished += 1
            waiting.append(self._send_group(group))
        for future in waiting[finished:]:
            self._finish_write(future)

    # ── schema and traces ────────────────────────────────────────────────────────────────────────────────────────

    @override
    def define(self, cql: str) -> None:
        self._require_made([self._define_soon(cql)])

    @override
    def define_all(self, statements: Sequence[str]) -> None:
        # All through one node, which makes one after the other: two that make tables at a time may never agree. Nodes
        # tell each other of their schema once a second, so what is under way together is waited for together.
        node = next(iter(self._session.get_pool_state()), None)
        for first in range(0, len(statements), DEFINED_TOGETHER):
            together = statements[first : first + DEFINED_TOGETHER]
            if node is None:
                super().define_all(together)
            else:
                self._require_made([self._define_soon(cql, node) for cql in together])

    def _define_soon(self, cql: str, node: Host | None = None) -> ResponseFuture:
        return self._session.execute_async(
            self._named(cql), timeout=SCHEMA_S, execution_profile=Access.WRITE, host=node
        )

    def _require_made(self, futures: Sequence[ResponseFuture]) -> None:
        """Wait for all of them, since what is still under way would meet what the caller does next.

        Raises:
            CassandraError: The first that failed.
        """
        failures: list[tuple[CassandraError, Exception]] = []
        for future in futures:
            try:
                future.result()
            except Exception as error:  # noqa: BLE001 - whatever the driver raises, `_error` says what it means
                failures.append((self._error(error, Access.WRITE, future), error))
        if failures:
            failure, cause = failures[0]
            raise failure from cause
        if not all(future.is_schema_agreed for future in futures):
            raise SchemaError("the nodes do not agree on the schema; is one of them down? try again when all are up")

    @override
    def traced(self, statement: Statement, values: tuple[Value, ...] = ()) -> Traced:
        bound = self._prepare(statement).bind(values)
        future = self._session.execute_async(bound, trace=True, execution_profile=statement.access)
        try:
            rows = list(future.result())
            trace = future.get_query_trace(max_wait=TRACE_S, query_cl=ConsistencyLevel.LOCAL_ONE)
        except Exception as error:
            raise self._error(error, statement.access, future) from error
        return Traced(rows, *rows_and_tombstones(event.description for event in trace.events))

    @override
    def close(self) -> None:
        self._cluster.shutdown()
        self._answers.stop()

    # ── the driver ───────────────────────────────────────────────────────────────────────────────────────────────

    def _named(self, cql: str) -> str:
        for name, keyspace in self.keyspaces._asdict().items():
            cql = cql.replace(f"{{{name}}}", keyspace)
        return cql

    def _prepare(self, statement: Statement) -> PreparedStatement:
        prepared = self._prepared.get(statement)
        if prepared is None:
            try:
                prepared = self._session.prepare(self._named(statement.cql))
            except Exception as error:
                raise translated(error, Access.READ, sent=False) from error
            prepared.is_idempotent = statement.access is not Access.CONDITIONAL
            with self._lock:
                # Two threads may prepare a statement at once. What a restarted node has forgotten the driver finds
                # again by a weak reference to the one that was prepared last: were that one dropped here, every
                # batch with the statement would fail from then on.
                self._kept.append(prepared)
                prepared = self._prepared.setdefault(statement, prepared)
        return prepared

    def _send(self, statement: Statement, values: tuple[Value, ...], *, pages: bool = True) -> ResponseFuture:
        prepared = self._prepare(statement)
        try:
            bound = prepared.bind(values)
        except (TypeError, ValueError, OverflowError) as error:
            raise RefusedStatementError(f"a value does not fit its column: {type(error).__name__}") from error
        if not pages:  # who is called back gets one page only
            bound.fetch_size = None
        try:
            return self._session.execute_async(bound, execution_profile=statement.access)
        except Exception as error:  # the driver is shut down, or has nobody to ask: nothing was sent
            raise UnreachableError(f"{type(error).__name__}: {error}") from error

    def _send_group(self, group: Sequence[Request]) -> ResponseFuture:
        if len(group) == 1:
            return self._send(*group[0])
        batch = BatchStatement(batch_type=BatchType.UNLOGGED)
        for statement, values in group:
            try:
                batch.add(self._prepare(statement), values)
            except (TypeError, ValueError, OverflowError) as error:
                raise RefusedStatementError(f"a value does not fit its column: {type(error).__name__}") from error
        batch.is_idempotent = True
        try:
            return self._session.execute_async(batch, execution_profile=Access.WRITE)
        except Exception as error:  # as in `_send`
            raise UnreachableError(f"{type(error).__name__}: {error}") from error

    def _soon(
        self, statement: Statement, values: tuple[Value, ...], done: Told, read: Callable[[Rows], object]
    ) -> None:
        put = self._answers.waiting.put
        try:
            future = self._send(statement, values, pages=False)
        except CassandraError as error:
            put((done, error))
            return
        access = statement.access
        future.add_callbacks(
            lambda rows: put((done, read(list(rows or ())))),
            lambda error: put((done, self._error(error, access, future))),
        )

    def _finish(self, statement: Statement, future: ResponseFuture) -> list[Row]:
        try:
            return list(future.result())
        except Exception as error:
            raise self._error(error, statement.access, future) from error

    def _finish_write(self, future: ResponseFuture) -> None:
        try:
            future.result()
        except Exception as error:
            raise self._error(error, Access.WRITE, future) from error

    def _error(self, error: BaseException, access: Access, future: ResponseFuture) -> CassandraError:
        return translated(error, access, sent=bool(future.attempted_hosts))


def connect(
    address: CassandraAddress,
    credentials: Credentials | None = None,
    *,
    clock_us: Callable[[], int] | None = None,
    request_s: float = REQUEST_S,
) -> DriverConnection:
    """Connect to a cluster.

    Args:
        address: Where.
        credentials: Password and certificates, where the cluster asks for them.
        clock_us: Microseconds that plain writes are stamped with; the driver's own clock if None.
        request_s: How long an answer may take before its outcome counts as unknown.

    Raises:
        UnreachableError: No contact point answers, or not in this data center, or not with these credentials.
    """
    credentials = credentials or Credentials()
    cluster = Cluster(
        list(address.hosts),
        port=address.port,
        connection_class=_Socket,
        protocol_version=PROTOCOL_VERSION,
        auth_provider=PlainTextAuthProvider(address.user, credentials.password or "") if address.user else None,
        ssl_context=_tls(credentials),
        # Without it the driver sends in pieces of 4 096 bytes that wait for one another's acknowledgement: 40 ms each.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        execution_profiles=_profiles(address, request_s),
        reconnection_policy=ExponentialReconnectionPolicy(0.25, 10.0, max_attempts=None),
        timestamp_generator=clock_us,
        connect_timeout=CONNECT_S,
        control_connection_timeout=CONNECT_S,
        idle_heartbeat_interval=10,
        idle_heartbeat_timeout=10,
        max_schema_agreement_wait=AGREEMENT_S,
    )
    try:
        session = cluster.connect(wait_for_all_pools=False)
    except Exception as error:
        cluster.shutdown()
        raise UnreachableError(f"{address}: {not_connected(error, encrypted=credentials.ca is not None)}") from error
    session.default_fetch_size = 5_000
    return DriverConnection(cluster, session, address)


def _tls(credentials: Credentials) -> ssl.SSLContext | None:
    if credentials.ca is None:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(credentials.ca))
        if credentials.certificate is not None:
            context.load_cert_chain(credentials.certificate, credentials.key)
    except OSError as error:  # ssl.SSLError is one
        raise UnreachableError(f"TLS to the cluster: {credentials.ca}, {credentials.certificate}: {error}") from error
    return context


def _profiles(address: CassandraAddress, request_s: float) -> dict[object, ExecutionProfile]:
    def profile(
        consistency: int, retry: RetryPolicy, rows: Callable[[Sequence[str], Rows], object] = tuple_factory
    ) -> ExecutionProfile:
        return ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=address.data_center or "")),
            retry_policy=retry,
            consistency_level=consistency,
            serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
            request_timeout=request_s,
            row_factory=rows,
        )

    return {
        EXEC_PROFILE_DEFAULT: profile(ConsistencyLevel.LOCAL_QUORUM, RetryPolicy()),
        Access.READ: profile(ConsistencyLevel.LOCAL_QUORUM, RetryPolicy()),
        Access.LINEARIZABLE_READ: profile(ConsistencyLevel.LOCAL_SERIAL, RetryPolicy()),
        Access.WRITE: profile(ConsistencyLevel.LOCAL_QUORUM, RetryPolicy()),
        # The default policy would go to the next host after a connection error, whatever the statement: a commit that
        # was applied on the host that died is then answered "not applied".
        Access.CONDITIONAL: profile(ConsistencyLevel.LOCAL_QUORUM, FallthroughRetryPolicy(), dict_factory),
    }


def _conditional(rows: Sequence[object]) -> Conditional:
    current = dict(cast("dict[str, Value]", rows[0]))
    applied = bool(current.pop(_APPLIED))
    return Conditional(applied, {} if applied else current)
