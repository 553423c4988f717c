"""Where a store is, as the ends of a copy are written: a data folder or a cluster."""

from __future__ import annotations

from pathlib import Path

from kinelog.cassandra_session.address import SCHEME, CassandraAddress
from kinelog.cassandra_session.errors import AddressError
from kinelog.service.configuration import EMBEDDED, DataFolder
from kinelog.service.errors import ConfigurationError


def store_of(text: str, data: Path) -> DataFolder | CassandraAddress:
    """Read the address of a store.

    Args:
        text: `sqlite`, `sqlite:FOLDER` or `cassandra://…`.
        data: The data folder that `sqlite` means.

    Raises:
        ConfigurationError: It is none of them; the message says what is wrong with it.
    """
    if text == EMBEDDED:
        return DataFolder(data)
    if text.startswith(f"{EMBEDDED}:") and (folder := text.removeprefix(f"{EMBEDDED}:")):
        return DataFolder(Path(folder))
    if not text.startswith(f"{SCHEME}:"):
        raise ConfigurationError(f"{text!r} is no store: {EMBEDDED}, {EMBEDDED}:FOLDER or {SCHEME}://host/prefix")
    try:
        return CassandraAddress.parse(text)
    except (AddressError, ValueError) as error:  # ValueError: no URL at all
        raise ConfigurationError(f"{text!r} is no store: {error}") from error
