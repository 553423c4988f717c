"""The model store that the settings name, and the key that signs for it, without log and keys of people."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from kinelog.registry.errors import (
    IncompatibleRegistryError,
    KeyFormatError,
    LeaseHeldError,
    MissingKeyError,
    RegistryError,
    RegistryUnavailableError,
    StaleLeaseError,
    VersionConflictError,
)
from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.signing import PublicKey, SigningKey
from kinelog.registry.signing_key_file import key_of_digits, make_key, read_key
from kinelog.registry.store import ModelStore
from kinelog.service.configuration import (
    EMBEDDED,
    MODEL_KEY_FILE_VARIABLE,
    MODEL_KEY_VARIABLE,
    DataFolder,
    Settings,
)
from kinelog.service.errors import ConfigurationError, RefusedError, TryAgainError, UnavailableServiceError


@contextmanager
def model_store(folder: DataFolder, settings: Settings, *, make: bool = False) -> Iterator[ModelStore]:
    """The store of models, beside whoever serves it; its errors become those of commands.

    Args:
        folder: Holds the embedded store.
        settings: Which store.
        make: Whether an embedded one that is not there is made; else it is said that there is none.

    Raises:
        UnavailableServiceError: There is none, it does not answer, or it is one of another layout.
        RefusedError: What is asked for is not there, or cannot be believed.
        TryAgainError: Somebody else publishes.
        ConfigurationError: There is no key to sign with, or it is none.
    """
    with translated(), _opened(folder, settings, make=make) as store:
        yield store


def published_version(models: ModelStore, scope: Scope, version: int | None) -> Published:
    """A version of a scope, the champion if none is named.

    Raises:
        RefusedError: There is no such version, or no model.
    """
    found = models.champion(scope) if version is None else models.version(scope, version)
    if found is None:
        missing = "model" if version is None else f"version {version}"
        raise RefusedError(f"{scope.path} has no {missing}: `kinelog model list` names what there is")
    return found


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of models into those of commands."""
    try:
        yield
    except (RegistryUnavailableError, IncompatibleRegistryError) as error:
        raise UnavailableServiceError(str(error)) from error
    except (VersionConflictError, LeaseHeldError, StaleLeaseError) as error:
        raise TryAgainError(str(error)) from error
    except (MissingKeyError, KeyFormatError) as error:
        raise ConfigurationError(str(error)) from error
    except RegistryError as error:
        raise RefusedError(str(error)) from error


@contextmanager
def _opened(folder: DataFolder, settings: Settings, *, make: bool) -> Iterator[ModelStore]:
    if settings.store == EMBEDDED:
        from kinelog.registry.sqlite_model_store import SqliteModelStore

        if not make and not folder.models.is_file():
            raise UnavailableServiceError(f"there are no models in {folder.root}: name a data folder, or a --store")
        with closing(SqliteModelStore(folder.models)) as store:
            yield store
        return
    from kinelog.registry.cassandra.model_store import CassandraModelStore
    from kinelog.service.cassandra_store import connected

    with connected(settings) as connection:
        yield CassandraModelStore(connection)


def signing_key(
    folder: DataFolder,
    store: ModelStore,
    environment: Mapping[str, str] | None = None,
    *,
    may_make: bool = True,
) -> SigningKey:
    """What signs: the key of the environment, or the data folder's own.

    Args:
        folder: Holds the key, if the environment gives none.
        store: For which store.
        environment: Defaults to the process's.
        may_make: Whether a key is made if there is none and the store trusts none yet.

    Raises:
        MissingKeyError: There is no key, although the store trusts one.
        KeyFormatError: What is given is none.
    """
    given = given_key(environment)
    if given is not None:
        return given
    if folder.model_key.exists():
        return read_key(folder.model_key)
    trusted = store.keys()
    if trusted or not may_make:
        raise MissingKeyError(
            f"{folder.model_key} is missing, and {store.where} trusts {_named(trusted)}: put "
            f"it back, or give one of these in {MODEL_KEY_VARIABLE} or {MODEL_KEY_FILE_VARIABLE}; if it is lost, "
            "`kinelog model key make` and `kinelog model key trust`"
        )
    folder.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    return make_key(folder.model_key)


def _named(keys: list[PublicKey]) -> str:
    return ", ".join(key.key_id for key in keys) or "no key any more"


def given_key(environment: Mapping[str, str] | None = None) -> SigningKey | None:
    """The key that the environment gives; None if it gives none.

    Raises:
        MissingKeyError: It names a file that cannot be read.
        KeyFormatError: What it gives is no key. Its value is never part of the message.
    """
    environment = os.environ if environment is None else environment
    if (digits := environment.get(MODEL_KEY_VARIABLE)) is not None:
        return key_of_digits(digits, MODEL_KEY_VARIABLE)
    if (file := environment.get(MODEL_KEY_FILE_VARIABLE)) is not None:
        return read_key(Path(file))
    return None
