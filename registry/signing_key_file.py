"""A file with a private key: made once, for nobody else to read, and replaced in one step."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kinelog.embedded_files.folders import sync_folder
from kinelog.registry.errors import KeyFormatError, MissingKeyError
from kinelog.registry.signing import KEY_BYTES, SigningKey

FILE_NAME = "model.key"


def key_of_digits(text: str, where: str) -> SigningKey:
    """The key in 64 hexadecimal digits.

    Args:
        text: The digits, and white space around them.
        where: How messages name where they come from; what they are is never part of one.

    Raises:
        KeyFormatError: They are none.
    """
    try:
        return SigningKey(bytes.fromhex(text.strip()))
    except (ValueError, KeyFormatError):
        # Not "from": the error of `fromhex` is harmless today, and a secret should not depend on that.
        raise KeyFormatError(f"{where} must hold {2 * KEY_BYTES} hexadecimal digits") from None


def read_key(path: Path) -> SigningKey:
    """The key in a file.

    Raises:
        MissingKeyError: There is no such file, or it cannot be read.
        KeyFormatError: It holds no key.
    """
    try:
        text = path.read_text("ascii")
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        raise MissingKeyError(f"{path}: {error.strerror}") from error
    return key_of_digits(text, str(path))


def make_key(path: Path) -> SigningKey:
    """Make a key in a file that is not there yet; of several makers the first wins, and all get its key.

    Raises:
        MissingKeyError: The file cannot be made.
    """
    try:
        draft = _drafted(path)
        try:
            # A link, not a rename: a rename would replace the key of a process that was faster.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise MissingKeyError(f"{path}: {error.strerror}") from error
    return read_key(path)


def drafted_key(path: Path) -> tuple[SigningKey, Path]:
    """A new key beside the one in a file, which it takes the place of when the draft is renamed to it.

    Raises:
        MissingKeyError: It cannot be made.
    """
    try:
        draft = _drafted(path)
    except OSError as error:
        raise MissingKeyError(f"{path}: {error.strerror}") from error
    return read_key(draft), draft


def put_in_place(draft: Path, path: Path) -> None:
    """Replace the key in a file by a drafted one, for good.

    Raises:
        MissingKeyError: It cannot be replaced; the old one stays.
    """
    try:
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise MissingKeyError(f"{path}: {error.strerror}") from error


def _drafted(path: Path) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return draft
