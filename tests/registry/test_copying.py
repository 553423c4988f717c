"""A copy of all models keeps bytes, signatures and versions, however often it is begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from kinelog.registry.auditing import audit
from kinelog.registry.copying import copy_models
from kinelog.registry.errors import RegistryUnavailableError, VersionConflictError
from kinelog.registry.publishing import keep_challenger, publish_model, rollback
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.service.cli import main
from kinelog.service.configuration import DataFolder

from tests.registry.made_publications import KEY, OTHER_KEY, OTHER_SCOPE, SCOPE, Clock, blob_of, draft


def fill(store: SqliteModelStore) -> None:
    """Some of everything, under two keys, with a jump in the versions."""
    publish_model(store, KEY, SCOPE, draft(), blob_of(1))
    publish_model(store, KEY, OTHER_SCOPE, draft(), blob_of(1, 2))
    store.add_key(KEY.endorse(OTHER_KEY.public))
    publish_model(store, OTHER_KEY, SCOPE, draft(), blob_of(2))
    store.begin_anew()
    rollback(store, OTHER_KEY, SCOPE)
    keep_challenger(store, SCOPE, draft(), blob_of(3))
    store.save_population(SCOPE, store.put_blob(b"one of ten").encode())
    for night in range(3):
        store.save_run(f"night-{night}", b"record")
        store.use_confirmation(SCOPE, "set", f"night-{night}")


def test_everything_is_there_as_it_was(tmp_path: Path) -> None:
    clock = Clock()
    with (
        SqliteModelStore(tmp_path / "source" / "registry.sqlite", clock_ms=clock) as source,
        SqliteModelStore(tmp_path / "copy" / "registry.sqlite", clock_ms=clock) as copy,
    ):
        fill(source)
        source.retire_key(KEY.key_id)
        source.add_key(KEY.endorse(OTHER_KEY.public))
        copied = copy_models(source, copy)
        assert copy_models(source, copy) == copied
        assert (copied.publications, copied.challengers, copied.populations, copied.runs) == (4, 1, 1, 3)
        assert source.scopes() == copy.scopes()
        for scope in source.scopes():
            assert copy.versions(scope) == source.versions(scope)
            for version in source.versions(scope):
                there, here = copy.version(scope, version), source.version(scope, version)
                assert there is not None
                assert here is not None
                assert there._replace(number=here.number) == here
        assert [each.manifest for each in copy.publications()] == [each.manifest for each in source.publications()]
        assert copy.challenger(SCOPE) == source.challenger(SCOPE)
        member = copy.population(SCOPE)
        assert member is not None
        assert copy.blob(member.decode()) == b"one of ten"
        assert copy.runs() == source.runs()
        assert copy.confirmation_uses(SCOPE, "set") == 3
        assert (copy.keys(), copy.retired_keys()) == (source.keys(), source.retired_keys())
        assert copy.previous(SCOPE) == source.previous(SCOPE) is None
        assert list(audit(copy, copy.scopes())) == list(audit(source, source.scopes()))


def test_a_copy_that_was_stopped_is_finished_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        SqliteModelStore(tmp_path / "source" / "registry.sqlite") as source,
        SqliteModelStore(tmp_path / "copy" / "registry.sqlite") as copy,
    ):
        fill(source)
        page = source.publications(limit=2)
        with monkeypatch.context() as patched:
            patched.setattr(copy, "save_population", _unavailable)
            with pytest.raises(RegistryUnavailableError):
                copy_models(source, copy)
        assert len(copy.publications()) == 4
        assert copy_models(source, copy).publications == 4
        assert [each.manifest for each in copy.publications(limit=2)] == [each.manifest for each in page]


def _unavailable(*_: object, **__: object) -> None:
    raise RegistryUnavailableError("stopped")


def test_a_store_with_models_of_its_own_is_not_copied_into(tmp_path: Path) -> None:
    with (
        SqliteModelStore(tmp_path / "source" / "registry.sqlite") as source,
        SqliteModelStore(tmp_path / "copy" / "registry.sqlite") as other,
    ):
        fill(source)
        mine = publish_model(other, KEY, SCOPE, draft(), blob_of(5))
        with pytest.raises(VersionConflictError):
            copy_models(source, other)
        assert other.champion(SCOPE) == mine


def test_the_command_copies_one_folder_into_another(tmp_path: Path) -> None:
    source, copy = DataFolder(tmp_path / "source"), DataFolder(tmp_path / "copy")
    with SqliteModelStore(source.models) as store:
        fill(store)
    words = ["model", "copy", "--from", f"sqlite:{source.root}", "--to", f"sqlite:{copy.root}"]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.output) == (0, "4 publications, 1 populations, 3 runs copied\n")
    with SqliteModelStore(source.models) as store, SqliteModelStore(copy.models) as there:
        assert there.versions(SCOPE) == store.versions(SCOPE)
    (tmp_path / "empty").mkdir()
    empty = CliRunner().invoke(main, [*words[:3], f"sqlite:{tmp_path / 'empty'}", *words[4:]])
    assert (empty.exit_code, empty.output) == (0, "0 publications, 0 populations, 0 runs copied\n")
    assert not DataFolder(tmp_path / "empty").models.exists()
    missing = CliRunner().invoke(main, [*words[:3], f"sqlite:{tmp_path / 'none'}", *words[4:]])
    assert (missing.exit_code, "no models" in missing.output) == (69, True)
    wrong = CliRunner().invoke(main, [*words[:3], "nowhere", *words[4:]])
    assert wrong.exit_code == 64
