"""What nights hand on through the model store: JSON that ends in its own hash, and what is said of it if it is damaged.

Populations, the confirmation set, the table of clusters and the records of nights are truth: nothing computes them
again. So a changed bit must not be taken for another truth, and whoever meets one is told where it is and what to do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from kinelog.registry.store import ModelStore

_HASH = re.compile(rb',"sha256":"([0-9a-f]{64})"}')
_LENGTH: Final = len(',"sha256":""}') + 64


REMEDY: Final = "unless another version wrote it, put the models back from a backup (docs/operations.md) and run again"


class StateFormatError(ValueError):
    """Bytes that are not what a night wrote, or of a schema that this program does not know."""


class DamagedStateError(Exception):
    """What nights hand on cannot be read; the message names store and piece, and says what to do."""


UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, StateFormatError)
"""What a changed byte leads to: no JSON or another shape, a text of no UTF-8, too deep, another hash."""


def with_hash(encoded: bytes) -> bytes:
    """A JSON object with one member more, the hash of it without that member; who does not know it passes it over.

    Args:
        encoded: An object of one member at least, without white space at its end.
    """
    return encoded[:-1] + f',"sha256":"{hashlib.sha256(encoded).hexdigest()}"}}'.encode()


def checked(data: bytes) -> bytes:
    """The object as it was given to `with_hash`; of an earlier version, which wrote no hash, as it is.

    Raises:
        StateFormatError: It has changed since it was written.
    """
    found = _HASH.fullmatch(data[-_LENGTH:])
    if found is None:
        return data
    encoded = data[:-_LENGTH] + b"}"
    if hashlib.sha256(encoded).hexdigest() != found[1].decode():
        message = "it is not what was written: its hash is another"
        raise StateFormatError(message)
    return encoded


@contextmanager
def kept_in(store: ModelStore, what: str) -> Iterator[None]:
    """Turn what is wrong with bytes of the store into an error that names them.

    Args:
        store: Where they lie.
        what: They are, with the name of whose they are.

    Raises:
        DamagedStateError: They are not what was written.
    """
    try:
        yield
    except StateFormatError as error:
        message = f"{store.where}: {what}: {error}; {REMEDY}"
        raise DamagedStateError(message) from error
