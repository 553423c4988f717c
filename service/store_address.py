"""Which store the settings name, and what a connection to it needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kinelog.cassandra_session.address import SCHEME, CassandraAddress, Credentials
from kinelog.cassandra_session.errors import AddressError
from kinelog.service.configuration import EMBEDDED, DataFolder, Settings
from kinelog.service.errors import ConfigurationError

PASSWORD_VARIABLE = "KINELOG_CASSANDRA_PASSWORD"  # noqa: S105 - the name of a variable
PASSWORD_FILE_VARIABLE = "KINELOG_CASSANDRA_PASSWORD_FILE"  # noqa: S105 - the name of a variable


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
        raise ConfigurationError(f"store: {EMBEDDED}, {EMBEDDED}:FOLDER or {SCHEME}://host/prefix")
    try:
        return CassandraAddress.parse(text)
    except (AddressError, ValueError) as error:  # ValueError: no URL at all
        raise ConfigurationError(f"store: {error}") from error


def credentials_of(settings: Settings, environment: Mapping[str, str] | None = None) -> Credentials:
    """What a connection to a cluster shows and demands.

    Raises:
        ConfigurationError: A file is missing, or settings do not fit together. A password is never part of a message.
    """
    environment = os.environ if environment is None else environment
    if settings.cassandra_ca is None and (settings.cassandra_certificate or settings.cassandra_key):
        raise ConfigurationError("cassandra_ca is missing: without it nothing is encrypted, and no certificate shown")
    if (settings.cassandra_certificate is None) != (settings.cassandra_key is None):
        raise ConfigurationError("cassandra_certificate and cassandra_key belong together: give both or none")
    files = (_file(settings, name) for name in ("cassandra_ca", "cassandra_certificate", "cassandra_key"))
    return Credentials(_password(environment), *files)


def _file(settings: Settings, name: str) -> Path | None:
    value: str | None = getattr(settings, name)
    if value is None:
        return None
    if not Path(value).is_file():
        raise ConfigurationError(f"{name}: there is no file {value}")
    return Path(value)


def _password(environment: Mapping[str, str]) -> str | None:
    password, file = environment.get(PASSWORD_VARIABLE), environment.get(PASSWORD_FILE_VARIABLE)
    if file is None:
        return password
    if password is not None:
        raise ConfigurationError(f"give {PASSWORD_VARIABLE} or {PASSWORD_FILE_VARIABLE}, not both")
    try:
        return Path(file).read_text().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{PASSWORD_FILE_VARIABLE}: {file} cannot be read: {type(error).__name__}") from error
