"""The embedded model store is backed up while others write, put back as it was, and looked at by the doctor."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from kinelog.journal.backup_folder import BackupError
from kinelog.journal.sqlite_journal import SqliteJournal
from kinelog.privacy.key_store import KeyStore
from kinelog.registry.publishing import publish_model
from kinelog.registry.signing_key_file import make_key
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.registry.store import LIFTED
from kinelog.service.cli import main
from kinelog.service.configuration import DataFolder
from kinelog.service.findings import Finding, Verdict
from kinelog.service.health_checks import examine
from kinelog.service.model_backup import back_up_models, put_models_back

from tests.registry.made_publications import SCOPE, blob_of, draft


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """A data folder with log, keys and one published model."""
    for name in ("KINELOG_MODEL_KEY", "KINELOG_MODEL_KEY_FILE", "KINELOG_MASTER_KEY", "KINELOG_STORE"):
        monkeypatch.delenv(name, raising=False)
    made = DataFolder(tmp_path / "data")
    made.create()
    SqliteJournal(made.log).close()
    KeyStore.open(made.keys).close()
    publish(made, 1)
    return made


def publish(folder: DataFolder, seed: int) -> None:
    with SqliteModelStore(folder.models) as store:
        publish_model(store, make_key(folder.model_key), SCOPE, draft(), blob_of(seed))


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_a_backup_and_its_restore_hold_every_model_and_no_private_key(folder: DataFolder, tmp_path: Path) -> None:
    safe = ("--to", tmp_path / "logs", "--keys-to", tmp_path / "safe")
    with SqliteModelStore(folder.models) as beside:
        lease = beside.acquire_lease("fit", "one", 60)
        code, printed = run("backup", "--data", folder.root, *safe, "--json")
        assert code == 0, printed
        before = beside.publications()
    made = json.loads(printed)
    publish(folder, 2)
    secret = folder.model_key.read_bytes().strip()
    assert all(secret not in file.read_bytes() for file in tmp_path.rglob("*-*/*") if file.is_file())
    again = DataFolder(tmp_path / "again")
    sources = ("--log", made["log"], "--keys", made["keys"], "--models", made["models"], "--nobody-was-erased")
    code, printed = run("restore", *sources, "--master-key", folder.keys / "master.key", "--to", again.root)
    assert code == 0, printed
    assert stat.S_IMODE(again.models.stat().st_mode) == 0o600
    with SqliteModelStore(again.models) as store:
        assert store.publications() == before
        assert store.next_version(SCOPE) > LIFTED, "phones may hold the version behind the backup"
        assert store.blob(before[0].blob) == blob_of(1)
        assert store.lease("fit") == lease
    assert run("model", "verify", "--data", again.root)[0] == 0


def test_a_folder_without_models_is_backed_up_and_restored_without(folder: DataFolder, tmp_path: Path) -> None:
    shutil.rmtree(folder.models.parent)
    code, printed = run("backup", "--data", folder.root, "--to", tmp_path / "logs", "--without-keys", "--json")
    assert code == 0
    made = json.loads(printed)
    assert made["models"] is None
    assert run("restore", "--log", made["log"], "--nobody-was-erased", "--to", tmp_path / "again")[0] == 0
    assert not DataFolder(tmp_path / "again").models.exists()


def test_a_damaged_backup_of_models_leaves_no_data_folder(folder: DataFolder, tmp_path: Path) -> None:
    code, printed = run("backup", "--data", folder.root, "--to", tmp_path / "logs", "--without-keys", "--json")
    assert code == 0
    made = json.loads(printed)
    with (Path(made["models"]) / "registry.sqlite").open("r+b") as file:
        file.seek(5000)
        file.write(b"!")
    sources = ("--log", made["log"], "--models", made["models"], "--nobody-was-erased")
    code, printed = run("restore", *sources, "--to", tmp_path / "again")
    assert (code, "its hash differs" in printed) == (73, True)
    assert not (tmp_path / "again").exists()
    with pytest.raises(BackupError, match="holds log"):
        put_models_back(Path(made["log"]), DataFolder(tmp_path / "again"))


def test_a_backup_does_not_take_the_place_of_another(folder: DataFolder, tmp_path: Path) -> None:
    back_up_models(folder.models, tmp_path / "logs", 1)
    with pytest.raises(BackupError, match="not empty"):
        back_up_models(folder.models, tmp_path / "logs", 1)


# ── the doctor ───────────────────────────────────────────────────────────────────────────────────────────────────


def found(folder: DataFolder) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(folder)}


def test_the_doctor_finds_models_well_that_are_served_as_they_were_signed(folder: DataFolder) -> None:
    findings = found(folder)
    assert findings["models"].verdict is Verdict.WELL
    assert findings["models"].found == "1 served, all of them as they were signed"
    assert findings["model key"].verdict is Verdict.WELL
    assert findings["database models/registry.sqlite"].verdict is Verdict.WELL
    assert findings["permissions"].verdict is Verdict.WELL


def break_blobs(folder: DataFolder) -> None:
    connection = sqlite3.connect(folder.models)
    connection.execute("UPDATE blobs SET data = zeroblob(length(data))")
    connection.commit()
    connection.close()


def test_the_doctor_names_a_model_that_phones_would_refuse_by_its_scope(folder: DataFolder) -> None:
    break_blobs(folder)
    findings = found(folder)
    assert findings["models"].verdict is Verdict.ILL
    assert findings["models"].found == "1 served, 1 of them not to be believed"
    named = findings[f"model {SCOPE.path}"]
    assert named.verdict is Verdict.ILL
    assert named.found.startswith("version 1: damaged blob")
    assert f"kinelog model rollback {SCOPE.path}" in named.advice


def test_the_doctor_warns_of_a_rollback_that_would_fail(folder: DataFolder) -> None:
    break_blobs(folder)
    publish(folder, 2)
    findings = found(folder)
    assert findings["models"].verdict is Verdict.WELL
    assert findings[f"model {SCOPE.path}"].verdict is Verdict.WARNING
    assert "version 1, kept beside the champion: damaged blob" in findings[f"model {SCOPE.path}"].found


def test_the_doctors_command_ends_in_70_for_a_model_and_tells_machines_which(folder: DataFolder) -> None:
    break_blobs(folder)
    code, printed = run("doctor", "--data", folder.root, "--json")
    checks = {each["check"]: each["verdict"] for each in json.loads(printed)["findings"]}
    assert (code, checks[f"model {SCOPE.path}"]) == (70, "error")


def test_the_doctor_finds_a_key_ill_that_is_missing_open_or_not_trusted_and_makes_none(folder: DataFolder) -> None:
    folder.model_key.chmod(0o644)
    assert found(folder)["permissions"].verdict is Verdict.ILL
    folder.model_key.unlink()
    assert found(folder)["model key"].verdict is Verdict.ILL
    assert not folder.model_key.exists()
    make_key(folder.model_key)
    finding = found(folder)["model key"]
    assert finding.verdict is Verdict.ILL
    assert "not trusted" in finding.found


def test_the_doctor_says_nothing_of_models_where_there_are_none(folder: DataFolder) -> None:
    shutil.rmtree(folder.models.parent)
    assert not {"models", "model key", "database models/registry.sqlite"} & set(found(folder))
    assert not folder.models.exists()
