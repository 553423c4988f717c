"""The phone's model between two starts: one file, replaced whole, and checked again when it is read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from kinelog.phone.model_fetch import HeldModel, require_for
from kinelog.registry.checking import check_manifest
from kinelog.registry.errors import KeyFormatError, ManifestError
from kinelog.registry.manifest import BLOB_BYTES, MANIFEST_BYTES
from kinelog.registry.scope import Scope
from kinelog.registry.signing import PublicKey, Signature

MOST_BYTES = MANIFEST_BYTES + BLOB_BYTES + 4_096

_NO_FILE_OF_OURS = (msgspec.MsgspecError, UnicodeDecodeError, KeyFormatError)
"""What a changed byte leads to: another shape, a text of no UTF-8, the name of no key."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    etag: str
    manifest: bytes
    signature: Signature
    blob: bytes


def keep(path: Path, held: HeldModel) -> None:
    """Write a model so that a reader finds this one or the one before, whole."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(msgspec.msgpack.encode(_Kept(held.etag, held.manifest, held.signature, held.blob)))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def restored(path: Path, trusted: Iterable[PublicKey], scope: Scope) -> HeldModel | None:
    """The model that was kept; None if there is none, or it can no longer be believed: then it is fetched anew."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        kept = msgspec.msgpack.decode(path.read_bytes(), type=_Kept)
        checked = check_manifest(kept.manifest, kept.signature, trusted, kept.blob)
        require_for(scope, checked.manifest)
    except (FileNotFoundError, ManifestError):
        return None
    except _NO_FILE_OF_OURS:
        return None
    return HeldModel(kept.etag, kept.manifest, kept.signature, kept.blob, checked)
