"""A session with ZooKeeper, typed and with a bound on every wait. The only module that imports kazoo.

What kazoo does by itself and must not here: back off up to a minute (the server would have kept the session), wait for
ever for an answer, and try a write again under a session that is another one by then. Nothing here is ever repeated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, cast

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    AuthFailedError,
    BadVersionError,
    InvalidACLError,
    KazooException,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
)
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.security import OPEN_ACL_UNSAFE, make_digest_acl
from kinelog.actors.membership.errors import (
    CoordinatorAwayError,
    EntryExistsError,
    MembershipError,
    NoSuchEntryError,
    NotPermittedError,
)
from kinelog.actors.membership.zookeeper_layout import Entry, ZooKeeperAddress

log = logging.getLogger(__name__)
RETRY = {"max_tries": -1, "delay": 0.05, "backoff": 1, "max_delay": 0.2}
USER = "kinelog"
"""Of the digest: what matters is the secret."""
Answer = TypeVar("Answer", covariant=True)  # noqa: PLC0105 - the answer's type is all that it stands for


class _Pending(Protocol[Answer]):
    """What kazoo gives back for a question: it holds the answer later on."""

    def get(self, block: bool, timeout: float) -> Answer:  # noqa: FBT001 - kazoo's own signature
        """Wait for the answer."""


class _Stat(Protocol):
    version: int
    czxid: int
    mzxid: int
    ephemeralOwner: int  # noqa: N815 - kazoo's own name


class ZooKeeperSession:
    """One session after another: when the servers have expired one, the next is opened without being asked for.

    Methods that ask a server raise `CoordinatorAwayError` when no answer came in time, and `NotPermittedError`; they
    are for one thread. What they were asked for may happen later on even so, but not in a later session.
    """

    def __init__(
        self, address: ZooKeeperAddress, session_s: float, secret: str | None, woken: Callable[[], None]
    ) -> None:
        """Nothing is opened yet.

        Args:
            address: Where the servers are.
            session_s: Of the timeout that is asked for; servers have bounds of their own.
            secret: Given, whatever is written can be read and changed only by who has it.
            woken: Called on any thread, and quickly, when there is something to look at: the connection came or went,
                or something that is watched changed.
        """
        self._session_s = session_s
        self._woken = woken
        self._timeout_s: float | None = None
        self._begun_s = 0.0
        self._losses = 0
        digest = None if secret is None else [("digest", f"{USER}:{secret}")]
        acl = OPEN_ACL_UNSAFE if secret is None else [make_digest_acl(USER, secret, all=True)]
        self._client = KazooClient(
            hosts=",".join(address.hosts),
            timeout=session_s,
            connection_retry=dict(RETRY),
            command_retry=dict(RETRY),
            auth_data=digest,
            default_acl=acl,
            logger=_quiet_log(),
        )
        self._note_what_is_negotiated()
        self._client.add_listener(self._changed)

    def open(self) -> None:
        """Connect, now or as soon as a server is there."""
        self._client.start_async()

    def close(self) -> None:
        """End the session: what is ephemeral in it goes at once, if a server is there to be told."""
        self._client.stop()
        self._client.close()

    @property
    def connected(self) -> bool:
        """Whether a server answers us, as far as is known."""
        return self._timeout_s is not None and bool(self._client.connected)

    @property
    def losses(self) -> int:
        """How many sessions were lost so far."""
        return self._losses

    @property
    def number(self) -> int:
        """Of the session that is open, as entries name it; 0 for none."""
        identity = self._client.client_id
        return int(identity[0] or 0) if identity else 0

    @property
    def timeout_s(self) -> float:
        """After how long the servers expire the session, as they said."""
        return self._session_s if self._timeout_s is None else self._timeout_s

    @property
    def begun_s(self) -> float:
        """`time.monotonic()` before the session was asked for."""
        return self._begun_s

    def children(self, path: str, *, watched: bool) -> list[str]:
        """Names of the entries below a path; none where the path does not exist."""
        try:
            return self._answer(
                cast("_Pending[list[str]]", self._client.get_children_async(path, watch=self._watch(watched)))
            )
        except NoSuchEntryError:
            return []

    def entries(self, folder: str, names: Sequence[str], *, watched: bool) -> list[Entry]:
        """Read many at once; those that have gone meanwhile are left out."""
        asked = [
            cast("_Pending[tuple[bytes, _Stat]]", self._client.get_async(f"{folder}/{name}", self._watch(watched)))
            for name in names
        ]
        found = []
        for name, pending in zip(names, asked, strict=True):
            try:
                data, stat = self._answer(pending)
            except NoSuchEntryError:
                continue
            found.append(Entry(name, data or b"", stat.version, stat.czxid, stat.mzxid, stat.ephemeralOwner))
        return found

    def make_folder(self, path: str) -> None:
        """Make a path and what leads there, where it is missing."""
        self._answer(cast("_Pending[object]", self._client.ensure_path_async(path)))

    def create(self, path: str, data: bytes, *, ephemeral: bool) -> None:
        """Write a new entry.

        Raises:
            EntryExistsError: It is there.
        """
        self._answer(cast("_Pending[object]", self._client.create_async(path, data, ephemeral=ephemeral)))

    def write(self, path: str, data: bytes, version: int) -> None:
        """Change an entry.

        Raises:
            NoSuchEntryError: It is not there, or not in that version.
        """
        self._answer(cast("_Pending[object]", self._client.set_async(path, data, version)))

    def delete(self, path: str) -> None:
        """Remove an entry; nothing, where it is not there."""
        try:
            self._answer(cast("_Pending[object]", self._client.delete_async(path)))
        except NoSuchEntryError:
            return

    def prove(self, path: str) -> None:
        """Have a quorum agree that an entry is there: more than a read proves, which any server answers by itself.

        Raises:
            NoSuchEntryError: It is not there.
        """
        transaction = self._client.transaction()
        transaction.check(path, -1)
        [said] = self._answer(cast("_Pending[list[object]]", transaction.commit_async()))
        if isinstance(said, Exception):
            raise _in_our_words(said)

    def _answer(self, pending: _Pending[Answer]) -> Answer:
        try:
            return pending.get(True, max(0.25, self.timeout_s / 2))
        except (KazooException, KazooTimeoutError) as error:
            raise _in_our_words(error) from error

    def _watch(self, watched: bool) -> Callable[[object], None] | None:  # noqa: FBT001 - passed on
        return self._seen if watched else None

    def _seen(self, _event: object) -> None:
        self._woken()

    def _changed(self, state: str) -> None:
        if state == KazooState.LOST:
            self._losses += 1
            self._timeout_s = None
        self._woken()

    def _note_what_is_negotiated(self) -> None:
        """Kazoo keeps to itself what the server has granted, which may be shorter than what was asked for."""
        client, connection = self._client, self._client._connection  # noqa: SLF001 - nothing public says it
        connect = connection._connect  # noqa: SLF001 - as above; that it is gone would be noticed here, at the start

        def noting(host: str, address: str, port: int) -> tuple[float, float]:
            begun, fresh = time.monotonic(), not client._session_id  # noqa: SLF001 - as above
            read_ms, connect_ms = connect(host, address, port)
            if fresh:
                self._begun_s = begun
            self._timeout_s = read_ms / 1000.0 * 1.5  # it reads for two thirds of the session
            self._woken()
            return read_ms, connect_ms

        connection._connect = noting  # noqa: SLF001 - as above


def _in_our_words(error: Exception) -> MembershipError:
    if isinstance(error, (NoNodeError, BadVersionError)):
        return NoSuchEntryError(type(error).__name__)
    if isinstance(error, NodeExistsError):
        return EntryExistsError(type(error).__name__)
    if isinstance(error, (NoAuthError, AuthFailedError, InvalidACLError)):
        return NotPermittedError(
            "ZooKeeper does not let us read or write below our root: it was made with another secret "
            "(KINELOG_ZOOKEEPER_SECRET)"
        )
    return CoordinatorAwayError(f"ZooKeeper did not answer ({type(error).__name__})")


def _quiet_log() -> logging.Logger:
    # At INFO it says each connection attempt, of which there are five a second while the servers are away.
    kazoo = logging.getLogger(f"{__name__}.kazoo")
    kazoo.setLevel(max(logging.ERROR, logging.getLogger().getEffectiveLevel()))
    return kazoo
