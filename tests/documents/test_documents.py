"""Documents tell the truth: what they say to type works, what they link is there, what they name exists."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from kinelog.device.blob import pack_blob
from kinelog.registry.manifest import draft_bytes
from kinelog.service.cli import main
from kinelog.service.cluster_secrets import (
    CLUSTER_SECRET_FILE_VARIABLE,
    CLUSTER_SECRET_VARIABLE,
    ZOOKEEPER_SECRET_FILE_VARIABLE,
    ZOOKEEPER_SECRET_VARIABLE,
)
from kinelog.service.configuration import (
    MASTER_KEY_VARIABLE,
    MODEL_KEY_FILE_VARIABLE,
    MODEL_KEY_VARIABLE,
    PASSWORD_FILE_VARIABLE,
    PASSWORD_VARIABLE,
    PREFIX,
    Settings,
)
from kinelog.service.demo_floor import still_frame

from tests.device.made_models import made_model
from tests.documents.documents import COMMAND, DOCUMENTS, ROOT, RUN_ON_A_CLUSTER, blocks, links, prose, spans
from tests.documents.substitutions import PROGRAMS, Surroundings, runnable
from tests.registry.made_publications import draft
from tests.system.running_service import RunningService, environment, kinelog, prepare

WITH_COMMANDS = [document for document in DOCUMENTS if any(block.language == "sh" for block in blocks(document))]
LONGEST_S = 240.0
OPERATIONS = ROOT / "docs" / "operations.md"


def name_of(document: Path) -> str:
    return document.name


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningService, str]]:
    """A service where somebody was erased already; the owner's token."""
    data = tmp_path_factory.mktemp("documents") / "data"
    token = prepare(data)
    with RunningService(data) as running:
        register(running.url, token, "gone")
        erased = kinelog("user", "erase", "gone", "--url", running.url, "--yes", KINELOG_TOKEN=token)
        assert erased.returncode == 0, erased.stderr
        yield running, token


def register(url: str, token: str, person: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/v1/users/{person}", b"{}", headers, method="PUT")  # noqa: S310 - our own URL
    with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 - our own URL
        assert answer.status in (200, 201)


def lay_out(folder: Path) -> None:
    """What a reader has at hand: a checkout, a frame, captures, models, places for backups; programs."""
    for name in ("tests", "benchmarks", "device"):
        (folder / name).symlink_to(ROOT / name, target_is_directory=True)
    (folder / "frame.bin").write_bytes(still_frame(int(time.time() * 1000)))
    for place in ("safe", "where/the/data/will/be", "captures/monday"):
        (folder / place).mkdir(parents=True)
    recorded = ROOT / "tests" / "vectors" / "muvr16_recorded_no_movement.bin"
    shutil.copy(recorded, folder / "captures" / "monday" / "curls.raw")
    for seed, name in enumerate(("model.bin", "model-2.bin")):
        # Without sums of outputs and with one site: what a document exports for muvr can be said there.
        (folder / name).write_bytes(pack_blob(made_model(seed=seed, dense=(2,), outputs=3, labels=3)))
    (folder / "draft.json").write_bytes(draft_bytes(draft()))
    programs = folder / "programs"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}\n")
        (programs / name).chmod(0o755)
    for name in ("make", "curl"):
        (programs / f"{name}_of_this_machine").symlink_to(program(name))


@pytest.mark.system
@pytest.mark.parametrize("document", WITH_COMMANDS, ids=name_of)
def test_every_command_of_a_document_does_what_it_says(
    document: Path, service: tuple[RunningService, str], tmp_path: Path
) -> None:
    running, token = service
    register(running.url, token, "ada")  # for each document: some of them erase her
    lay_out(tmp_path)
    around = Surroundings(tmp_path, running.data, running.url, token)
    script = "set -euo pipefail\n" + "".join(
        f"echo '--- line {block.line}' >&2\n{runnable(block.text, around)}"
        for block in blocks(document)
        if block.language == "sh"
    )
    variables = environment() | {"URL": running.url, "OWNER": token, "KINELOG_TOKEN": token, "ROOT": str(ROOT)}
    variables["PATH"] = f"{tmp_path / 'programs'}{os.pathsep}{variables['PATH']}"
    code, printed = run_script(script, tmp_path, variables)
    assert code == 0, f"{script}\n{printed[-3000:]}\n{running.log[-3000:]}"


def run_script(script: str, folder: Path, variables: dict[str, str]) -> tuple[int, str]:
    """Run it to its end; its exit code and all that it printed. Whatever it started and left behind is ended."""
    process = subprocess.Popen(
        ["/bin/bash", "-c", script],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, _ = process.communicate()
    return process.returncode, printed


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_commands_stand_in_blocks_that_are_run(document: Path) -> None:
    for block in blocks(document):
        if block.language != "sh" and block.mark not in RUN_ON_A_CLUSTER:
            commands = [
                line for line in block.text.splitlines() if COMMAND.match(line) and document.name != "README.md"
            ]
            assert commands == [], f"line {block.line}: make it an sh block, so that it is run"
    assert not re.search(r"^ {4,}(kinelog|curl|make|python) ", prose(document), re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_in_the_text_exists_with_its_options(document: Path) -> None:
    for span in spans(document):
        if span.startswith("kinelog ") and "…" not in span:
            check_command(span)
        if span.startswith("make "):
            assert make_shows(*span.split()[1:]), span


def program(name: str) -> str:
    """Where a program of this machine is; a test that needs it fails plainly where there is none."""
    there = shutil.which(name)
    assert there is not None, f"the documents' tests need {name}: install it (apt-get install {name})"
    return there


def make_shows(*words: str) -> str:
    """What `make` would do, without doing it."""
    shown = subprocess.run(
        [program("make"), "--dry-run", *words], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_make_run_and_make_test_do_what_the_readme_says(tmp_path: Path) -> None:
    fresh = f"VENV={tmp_path / 'fresh'}"  # as in a clone where nothing was installed yet
    run = make_shows("run", fresh)
    steps = [
        "-m venv",
        "--require-hashes -r requirements/build.txt -r requirements/serve.txt",
        "kinelog demo --data .data",
    ]
    places = [run.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)
    test = make_shows("test", fresh)
    for step in (
        "ruff check .",
        "mypy",
        *(f"-m {group}" for group in ("simulation", "power", "openapi", "system", "browser", "cassandra_cluster")),
        '-m "cassandra and not cassandra_cluster"',
    ):
        assert step in test, step


def check_command(text: str) -> None:
    """Follow the words to a command, then look for each option."""
    command: click.Command = main
    words = shlex.split(text)[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None, text
        command = found
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}, text


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file(document: Path) -> None:
    for target in links(document):
        assert (document.parent / target).exists(), target


def test_every_document_is_linked_from_the_readme() -> None:
    linked = {(ROOT / target).resolve() for target in links(ROOT / "README.md")}
    assert set(DOCUMENTS) - {ROOT / "README.md"} <= linked


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_file_of_the_project_that_is_named_is_there(document: Path) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    parts = {line.split("=")[1].strip() for line in config["options"]["package_dir"].strip().splitlines()}
    parts |= {"tests", "benchmarks", "scripts", "docs", "requirements"}
    for span in spans(document):
        if re.fullmatch(r"[\w/.-]+", span) and span.partition("/")[0] in parts and "/" in span:
            assert (ROOT / span).exists(), span


def test_settings_and_variables_are_described_and_exist() -> None:
    table = prose(OPERATIONS).partition("| setting |")[2].partition("\n\n")[0]
    named = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    assert {name for names in named for name in re.findall(r"`(\w+)`", names)} == set(Settings.__struct_fields__)
    described = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", OPERATIONS.read_text()))
    from_settings = {PREFIX + name.upper() for name in Settings.__struct_fields__ if name != "limits"}
    secrets = {MASTER_KEY_VARIABLE, PASSWORD_VARIABLE, PASSWORD_FILE_VARIABLE}
    secrets |= {MODEL_KEY_VARIABLE, MODEL_KEY_FILE_VARIABLE}
    secrets |= {CLUSTER_SECRET_VARIABLE, CLUSTER_SECRET_FILE_VARIABLE}
    secrets |= {ZOOKEEPER_SECRET_VARIABLE, ZOOKEEPER_SECRET_FILE_VARIABLE}
    assert described == from_settings | secrets | variables_of_commands()


def variables_of_commands() -> set[str]:
    """What the options of commands may come from."""
    sources = (ROOT / "service").rglob("*.py")
    return {name for source in sources for name in re.findall(r'envvar="(\w+)"', source.read_text())}


def tracked_files() -> list[Path]:
    listed = subprocess.run([program("git"), "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_nothing_leans_on_the_machine_where_it_was_written() -> None:
    # Put together here, so that this file does not hold what it looks for.
    elsewhere = ["../" + "shared", "/" + "work/", "/" + "root/"]
    in_documents = [*elsewhere, "/" + "tmp/", "/" + "home/"]
    for file in tracked_files():
        if not file.is_file() or file.suffix in (".bin", ".json"):
            continue
        text = file.read_text(errors="replace")
        wrong = [place for place in (in_documents if file.suffix == ".md" else elsewhere) if place in text]
        assert wrong == [], file
