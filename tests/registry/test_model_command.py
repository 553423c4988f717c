"""`kinelog model`: what it prints, what it changes, and the exit codes it ends in."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from kinelog.device.blob import FrontEnd, pack_blob
from kinelog.ml.genome import Genome
from kinelog.ml.population import NOBODY, Member, population_bytes
from kinelog.registry.checking import check_manifest
from kinelog.registry.manifest import draft_bytes
from kinelog.registry.scope import Scope
from kinelog.registry.signing import PublicKey, Signature, SigningKey
from kinelog.registry.sqlite_model_store import SqliteModelStore
from kinelog.service.cli import main
from kinelog.service.configuration import DataFolder

from tests.device.made_models import made_model
from tests.registry.made_publications import blob_of, create_tenant, draft

SCOPE = "iron-works/all/left-wrist"


class Command:
    """`kinelog model` on one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def __call__(self, *words: str, **variables: str) -> tuple[int, str]:
        done = CliRunner(env=variables).invoke(main, ["model", *words, "--data", str(self.data)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def json(self, *words: str, **variables: str) -> dict[str, object]:
        code, printed = self(*words, "--json", **variables)
        assert code == 0, printed
        answer: dict[str, object] = json.loads(printed)
        return answer

    def rows(self, name: str, *words: str) -> list[dict[str, object]]:
        return msgspec.convert(self.json(*words)[name], list[dict[str, object]])

    def publish(self, seed: int, scope: str = SCOPE, **variables: str) -> dict[str, object]:
        return self.json("publish", scope, *self.files(blob_of(seed, scope.count("+") + 1)), **variables)

    def files(self, blob: bytes) -> tuple[str, str, str, str]:
        (self.folder / "model.bin").write_bytes(blob)
        (self.folder / "draft.json").write_bytes(draft_bytes(draft()))
        return "--blob", str(self.folder / "model.bin"), "--draft", str(self.folder / "draft.json")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    for name in ("KINELOG_MODEL_KEY", "KINELOG_MODEL_KEY_FILE", "KINELOG_STORE", "KINELOG_DATA"):
        monkeypatch.delenv(name, raising=False)
    return Command(tmp_path)


@pytest.fixture
def of_tenants(model: Command) -> Command:
    """Two tenants, and no model yet."""
    for tenant in ("iron-works", "other"):
        create_tenant(model.data, tenant)
    return model


@pytest.fixture
def filled(of_tenants: Command) -> Command:
    """Two versions, published under a key that was made on first use."""
    of_tenants.publish(1)
    of_tenants.publish(2)
    return of_tenants


def test_the_first_publication_makes_store_and_key_for_nobody_else_to_read(of_tenants: Command) -> None:
    model = of_tenants
    done = model.publish(1)
    assert (done["scope"], done["version"], done["restores"]) == (SCOPE, 1, None)
    for file in (DataFolder(model.data).models, DataFolder(model.data).model_key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert model.publish(1) == done
    (key,) = model.rows("keys", "key", "list")
    assert key["key_id"] == done["key"]


def test_what_is_shown_and_written_out_is_what_a_phone_believes(filled: Command) -> None:
    manifest, blob = filled.folder / "manifest.json", filled.folder / "out" / "blob.bin"
    shown = filled.json("show", SCOPE, "--manifest-to", str(manifest), "--blob-to", str(blob))
    (key,) = filled.rows("keys", "key", "list")
    signature = Signature.parse(str(shown["signature"]))
    checked = check_manifest(manifest.read_bytes(), signature, [PublicKey.parse(str(key["public"]))], blob.read_bytes())
    assert checked.manifest.version == shown["version"] == 2
    assert filled.json("show", SCOPE, "--version", "1")["version"] == 1
    code, printed = filled("show", SCOPE)
    assert code == 0
    assert '"cluster": "all"' in printed
    code, printed = filled("show", SCOPE, "--version", "7")
    assert (code, "no version 7" in printed) == (65, True)


def test_list_says_what_is_served_and_what_waits_beside_it(filled: Command) -> None:
    filled.publish(1, "other/all/left-wrist+chest")
    (row,) = filled.rows("models", "list", "--tenant", "iron-works")
    assert (row["scope"], row["version"], row["origin"], row["previous"], row["challenger"]) == (SCOPE, 2, 2, 1, None)
    kept = filled.json("publish", SCOPE, *filled.files(blob_of(3)), "--as-challenger")["challenger"]
    code, printed = filled("list")
    assert code == 0
    assert [line.split()[0] for line in printed.splitlines()] == [SCOPE, "other/all/left-wrist+chest"]
    assert "previous 1  a challenger waits" in printed
    promoted = filled.json("promote", SCOPE)
    assert (promoted["version"], promoted["blob"]) == (3, kept)


def test_rollback_brings_back_what_was_served_before(filled: Command) -> None:
    back = filled.json("rollback", SCOPE)
    assert (back["version"], back["restores"]) == (3, 1)
    code, printed = filled("rollback", SCOPE)
    assert (code, "no older model" in printed) == (65, True)
    assert filled.json("rollback", SCOPE, "--to", "2")["restores"] == 2
    assert filled.json("rollback", SCOPE, "--to", "2")["version"] == 4
    code, printed = filled("list")
    assert "version 4 (brought back 2)" in printed


def test_verify_names_what_is_wrong_and_ends_in_65(filled: Command) -> None:
    assert filled.json("verify") == {"versions": 2, "faults": []}
    assert filled.json("verify", SCOPE, "--champions")["versions"] == 1
    connection = sqlite3.connect(DataFolder(filled.data).models)
    connection.execute("UPDATE publications SET signature = zeroblob(64) WHERE version = 1")
    connection.commit()
    connection.close()
    code, printed = filled("verify")
    assert code == 65
    assert f"{SCOPE} version 1: signature: " in printed
    assert "2 versions of 1 scopes checked, 1 of them wrong" in printed
    assert filled("verify", "--champions")[0] == 0
    code, printed = filled("verify", "iron-works/none/left-wrist")
    assert (code, "nothing was published" in printed) == (65, True)
    stranger = SigningKey(bytes(32)).public.text
    code, printed = filled("verify", "--champions", "--public-key", stranger)
    assert (code, "not trusted" in printed) == (65, True)
    assert filled("verify", "--public-key", "no key")[0] == 64


def test_export_for_muvr_writes_three_files_or_says_why_not(filled: Command) -> None:
    folder = filled.folder / "muvr"
    code, printed = filled("export-muvr", SCOPE, "--to", str(folder))
    assert (code, "adds several up" in printed, "--kept" in printed) == (65, True, True)
    assert not folder.exists()
    plain = pack_blob(made_model(FrontEnd.RAW, dense=(4,), outputs=3, labels=3))
    filled.json("publish", SCOPE, *filled.files(plain))
    filled.json("export-muvr", SCOPE, "--to", str(folder))
    assert (folder / "layers.txt").read_text() == "150 id 4 relu 3 softmax\n"
    assert (folder / "labels.txt").read_text().splitlines() == list(draft().labels)
    assert (folder / "weights.raw").stat().st_size == 4 * (4 * 151 + 3 * 5)


def test_export_for_muvr_writes_the_best_network_that_a_night_has_kept_beside_what_it_published(
    filled: Command,
) -> None:
    folder = filled.folder / "muvr"
    code, printed = filled("export-muvr", SCOPE, "--kept", "--to", str(folder))
    assert (code, "no night has kept" in printed, folder.exists()) == (65, True, False)
    assert filled("export-muvr", SCOPE, "--kept", "--version", "1", "--to", str(folder))[0] == 64
    plain = pack_blob(made_model(FrontEnd.RAW, dense=(4,), outputs=3, labels=3))
    with SqliteModelStore(DataFolder(filled.data).models) as store:
        member = Member(
            Genome(front_end="raw", dense=(4,)), 0.5, store.put_blob(plain), 1.0, 0.0, "one", ("left-wrist",)
        )
        kept = msgspec.structs.replace(NOBODY, run="one", labels=("a", "b", "c"), best_muvr=member)
        store.save_population(Scope.parse(SCOPE), population_bytes(kept))
    said = filled.json("export-muvr", SCOPE, "--kept", "--to", str(folder))
    assert said == {"folder": str(folder), "version": None, "written": f"{SCOPE} kept by one"}
    assert (folder / "layers.txt").read_text() == "150 id 4 relu 3 softmax\n"
    assert (folder / "labels.txt").read_text() == "a\nb\nc\n"


def test_sweep_removes_what_nothing_names_once_it_is_a_day_old(filled: Command) -> None:
    with SqliteModelStore(DataFolder(filled.data).models) as store:
        old, new = store.put_blob(blob_of(7)), store.put_blob(blob_of(8))
        store._connection.execute("UPDATE blob_puts SET at_ms = at_ms - 90000000 WHERE sha256 <> ?", (new,))
    assert filled.json("sweep", "--dry-run") == {"blobs": [old], "removed": False}
    assert filled.json("sweep") == {"blobs": [old], "removed": True}
    code, printed = filled("sweep")
    assert (code, printed) == (0, "0 blobs removed\n")
    with SqliteModelStore(DataFolder(filled.data).models) as store:
        assert len(store.blobs()) == 3
        store.acquire_lease("sweep", "another", 60)
    assert filled.json("verify") == {"versions": 2, "faults": []}
    code, printed = filled("sweep")
    assert (code, "another" in printed) == (75, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["list"], 69, "there are no models"),
        (["promote", SCOPE], 69, "there are no models"),
        (["show", "iron-works/all"], 64, "TENANT/CLUSTER/SENSOR"),
        (["show", "iron-works/all/left-ear"], 64, "left-ear"),
        (["key", "make", "."], 64, "is a directory"),
    ],
)
def test_what_cannot_be_done_ends_in_a_code_of_its_own_and_makes_nothing(
    model: Command, words: list[str], code: int, said: str
) -> None:
    found, printed = model(*words) if words[0] != "key" else invoked(*words)
    assert (found, said in printed) == (code, True), printed
    assert not model.data.exists()


def invoked(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["model", *words])
    return done.exit_code, done.output


@pytest.mark.parametrize(
    "words",
    [
        ["publish", "iron-work/all/left-wrist"],
        ["publish", "iron-work/all/left-wrist", "--as-challenger"],
        ["promote", "iron-work/all/left-wrist"],
        ["rollback", "iron-work/all/left-wrist"],
        ["rollback", "iron-work/all/left-wrist", "--to", "1"],
    ],
)
def test_a_tenant_that_nobody_created_gets_no_model(filled: Command, words: list[str]) -> None:
    files = filled.files(blob_of(3)) if words[0] == "publish" else ()
    code, printed = filled(*words, *files)
    assert (code, "has no tenant iron-work:" in printed) == (65, True), printed
    assert "`kinelog tenant create iron-work`" in printed
    assert filled.json("verify")["versions"] == 2


def test_a_mistyped_tenant_makes_no_store(model: Command) -> None:
    code, printed = model("publish", SCOPE, *model.files(blob_of(1)))
    assert (code, "has no tenant iron-works:" in printed) == (65, True), printed
    assert not model.data.exists()


def test_files_that_are_no_model_or_no_draft_are_refused_by_field(filled: Command) -> None:
    code, printed = filled("publish", SCOPE, *filled.files(b"KLMODEL\0"))
    assert (code, "blob.header" in printed) == (65, True)
    files = filled.files(blob_of(3))
    (filled.folder / "draft.json").write_text('{"fitted_on": "all", "labels": ["a"], "metrics": {}}')
    code, printed = filled("publish", SCOPE, *files)
    assert (code, "`dataset`" in printed) == (65, True)
    assert filled.json("verify")["versions"] == 2


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_replaced_by_one_that_it_endorses(filled: Command) -> None:
    (old,) = filled.rows("keys", "key", "list")
    rotated = filled.json("key", "rotate")
    assert rotated["endorsed_by"] == old["key_id"]
    assert filled.publish(3)["key"] == rotated["key_id"]
    assert filled.json("verify")["faults"] == []
    retired = filled.json("key", "retire", str(old["key_id"]))
    assert retired["champions_signed_with_it"] == []
    assert filled.rows("faults", "verify", "--champions") == []
    assert filled("verify")[0] == 65
    assert filled("key", "retire", str(old["key_id"]))[0] == 64


def test_a_key_of_the_environment_is_followed_by_another(of_tenants: Command) -> None:
    model = of_tenants
    first, second = model.folder / "first.key", model.folder / "second.key"
    made = [json.loads(invoked("key", "make", str(file), "--json")[1]) for file in (first, second)]
    assert model.publish(1, KINELOG_MODEL_KEY_FILE=str(first))["key"] == made[0]["key_id"]
    assert not DataFolder(model.data).model_key.exists()
    code, printed = model("publish", SCOPE, *model.files(blob_of(2)), KINELOG_MODEL_KEY=second.read_text().strip())
    assert (code, "kinelog model key endorse" in printed) == (65, True)
    assert second.read_text().strip() not in printed
    model.json("key", "endorse", made[1]["public"], KINELOG_MODEL_KEY_FILE=str(first))
    assert model.publish(2, KINELOG_MODEL_KEY=second.read_text().strip())["key"] == made[1]["key_id"]
    assert model("key", "rotate", KINELOG_MODEL_KEY_FILE=str(first))[0] == 64
    assert invoked("key", "make", str(first))[0] == 73


def test_a_key_that_is_lost_is_said_to_be_and_nothing_makes_another(filled: Command) -> None:
    file = DataFolder(filled.data).model_key
    file.unlink()
    code, printed = filled("publish", SCOPE, *filled.files(blob_of(3)))
    assert (code, "model.key is missing" in printed) == (64, True)
    assert not file.exists()
    made = json.loads(invoked("key", "make", str(file), "--json")[1])
    assert filled("publish", SCOPE, *filled.files(blob_of(3)))[0] == 65
    filled.json("key", "trust", made["public"])
    assert filled.publish(3)["key"] == made["key_id"]


@pytest.mark.parametrize("text", ["", "00", "not hexadecimal at all, but long enough to be taken for it" * 2])
def test_what_is_no_key_is_refused_and_not_repeated(of_tenants: Command, text: str) -> None:
    model = of_tenants
    code, printed = model("publish", SCOPE, *model.files(blob_of(1)), KINELOG_MODEL_KEY=text)
    assert (code, "KINELOG_MODEL_KEY must hold 64 hexadecimal digits" in printed) == (64, True)
    assert len(text) < 3 or text not in printed
    with SqliteModelStore(DataFolder(model.data).models) as store:
        assert store.publications() == []
