"""What is left in the files of a data folder and its backups, and whether any key that is left opens it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from kinelog.actors import snapshots
from kinelog.journal import event_codec
from kinelog.journal.records import Snapshot, StoredEvent
from kinelog.privacy.key_store import KeyStore
from kinelog.privacy.sealing import Codec, Sealed


@dataclass(frozen=True)
class SealedThing:
    """A sealed payload and the place that it is bound to."""

    entity: str
    kind: str
    payload: Sealed
    associated: bytes


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def traces(folder: Path, needles: Iterable[bytes]) -> list[str]:
    """Which needles are found in which files."""
    wanted = list(needles)
    return [
        f"{needle[:40]!r} in {path}"
        for path in files_below(folder)
        for content in [path.read_bytes()]
        for needle in wanted
        if needle in content
    ]


def sealed_things(folder: Path) -> list[SealedThing]:
    """Every sealed event and snapshot of every database below a folder."""
    found = []
    for path in files_below(folder):
        with path.open("rb") as file:
            if file.read(15) != b"SQLite format 3":
                continue
        with closing(sqlite3.connect(path)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for (body,) in connection.execute("SELECT body FROM commits") if "commits" in tables else ():
                found += [_of_event(event) for event in msgspec.msgpack.decode(body, type=list[StoredEvent])]
            for (content,) in connection.execute("SELECT content FROM snapshots") if "snapshots" in tables else ():
                found.append(_of_snapshot(msgspec.msgpack.decode(content, type=Snapshot)))
    return [thing for thing in found if thing.payload.codec != Codec.PLAIN_MSGPACK]


def _of_event(event: StoredEvent) -> SealedThing:
    associated = event_codec.associated_data(event.entity, event.sequence, event.type, event.schema)
    return SealedThing(event.entity, event.type, event.payload, associated)


def _of_snapshot(snapshot: Snapshot) -> SealedThing:
    associated = snapshots.associated_data(snapshot.entity, snapshot.sequence, snapshot.schema)
    return SealedThing(snapshot.entity, "snapshot", snapshot.payload, associated)


def every_key(folder: Path) -> list[bytes]:
    """Every key that the key store of a data folder can still unwrap."""
    with closing(KeyStore.open(folder / "keys")) as keys:
        return [keys.sealer(*person)._key for person in keys.people()]


def opened_by(thing: SealedThing, keys: Iterable[bytes]) -> bytes | None:
    """What a payload says, if any of the keys opens it."""
    for key in keys:
        try:
            return AESGCM(key).decrypt(thing.payload.nonce, thing.payload.ciphertext, thing.associated)
        except InvalidTag:
            continue
    return None
