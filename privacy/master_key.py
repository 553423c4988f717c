"""The deployment's master key: where it comes from, and what is derived from it.

It wraps the keys of people and is in no backup. Whoever loses it has lost everything that was ever sealed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from kinelog.embedded_files.folders import sync_folder
from kinelog.privacy.errors import MissingMasterKeyError, TamperedError, WrongMasterKeyError
from kinelog.privacy.sealing import KEY_BYTES, NONCE_BYTES

FILE_NAME = "master.key"


class MasterKey:
    """Wraps keys and tags names. Each use has a key of its own, derived with HKDF-SHA256."""

    def __init__(self, key: bytes) -> None:
        """Derive from 32 secret bytes.

        Raises:
            WrongMasterKeyError: Not 32 bytes.
        """
        if len(key) != KEY_BYTES:
            raise WrongMasterKeyError(f"a master key has {KEY_BYTES} bytes, this one has {len(key)}")
        self._wrapping = AESGCM(_derived(key, b"kinelog/wrap"))
        self._naming = _derived(key, b"kinelog/name")
        self.cursors = _derived(key, b"kinelog/cursors")
        """What is handed out sealed, to come back to any process of the deployment, is sealed with this."""
        self.check = _derived(key, b"kinelog/check")
        """What a store keeps to recognise its master key; nothing else can be computed from it."""

    def require(self, check: bytes, where: str) -> None:
        """Refuse a store at `where` whose check value is another key's.

        Raises:
            WrongMasterKeyError: It is.
        """
        if not hmac.compare_digest(self.check, check):
            raise WrongMasterKeyError(f"{where} was wrapped with another master key than the one given")

    def wrap(self, key: bytes, place: bytes) -> bytes:
        """Encrypt a key of a person, bound to its place; 60 bytes: nonce, ciphertext, tag."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, key, place)

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """The key that was wrapped for this place.

        Raises:
            TamperedError: Damaged, or moved from another place.
        """
        try:
            return self._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place)
        except (InvalidTag, ValueError) as error:
            raise TamperedError("a wrapped key does not authenticate") from error

    def name_tag(self, tenant: str, name: str) -> bytes:
        """32 bytes by which a name is found without being stored."""
        return hmac.digest(self._naming, f"{tenant}\0{name}".encode(), hashlib.sha256)


def load_or_create(folder: Path, *, may_create: bool) -> MasterKey:
    """The master key in `folder`, made if there is none and there may be a new one.

    Raises:
        MissingMasterKeyError: None there although keys are wrapped with one.
        WrongMasterKeyError: The file does not hold 64 hexadecimal digits.
    """
    path = folder / FILE_NAME
    if not path.exists():
        if not may_create:
            message = f"{path} is missing: put it back, or give the master key in KINELOG_MASTER_KEY"
            raise MissingMasterKeyError(message)
        _create(path)
    try:
        return MasterKey(bytes.fromhex(path.read_text("ascii")))
    except ValueError as error:
        raise WrongMasterKeyError(f"{path} does not hold a key of {2 * KEY_BYTES} hexadecimal digits") from error


def _create(path: Path) -> None:
    """Write a new key so that no reader ever sees half of it, and so that the first of several creators wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link, not a rename: a rename would replace the key of a process that was faster.
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    sync_folder(path.parent)


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(SHA256(), KEY_BYTES, purpose).derive(key)
