"""The images: what serves has nothing that trains or compiles, nobody is root, and what they run exists."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from tests.deploy.command_lines import understand
from tests.deploy.dockerfile import DOCKERFILE, built_on, instructions, stages
from tests.deploy.topology import ROOT, TOPOLOGY

TRAINING = {"tensorflow", "tensorflow-cpu", "keras", "scikit-learn", "pyarrow", "distributed", "matplotlib"}
IN_A_GROUP = {"cassandra-driver", "kazoo", "opentelemetry-sdk"}
HADOLINT = Path(sys.prefix) / "bin" / "hadolint"


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    """What the linter of Dockerfiles says of this one."""
    settings = str(ROOT / ".hadolint.yaml")
    command = [str(HADOLINT), "--config", settings, "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=20)


def packages(lock: str) -> dict[str, str]:
    """Names in a lock, with everything that is pinned of each."""
    found: dict[str, str] = {}
    for name, version in re.findall(
        r"^([a-z0-9_.-]+)==(\S+)", (ROOT / "requirements" / lock).read_text(), re.MULTILINE
    ):
        found[name] = f"{found.get(name, '')} {version}"
    return found


def locks_in(stage: str) -> set[str]:
    """Locks that are installed in a stage and in those that it takes files from."""
    text = built_on(stage)
    own = set(re.findall(r"-r requirements/(\S+)", text))
    return own.union(*(locks_in(one) for one in re.findall(r"--from=(\S+)", text)))


def test_the_linter_finds_nothing() -> None:
    said = hadolint(DOCKERFILE.read_text())
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("FROM python:latest", "DL3007"),
        ("ADD x /y", "DL3020"),
        ("CMD kinelog serve", "DL3025"),
        ("USER root", "DL3002"),
    ],
)
def test_the_linter_would_find_what_should_not_be(line: str, rule: str) -> None:
    assert rule in hadolint(f"{DOCKERFILE.read_text()}\n{line}\n").stdout


def test_what_images_are_built_from_is_pinned_by_digest() -> None:
    outside = {name for name in instructions(DOCKERFILE.read_text(), "FROM") if name.split()[0] not in stages()}
    assert len(outside) == 1
    assert re.match(r"python:3\.\d+-slim@sha256:[0-9a-f]{64} ", outside.pop())


def test_nothing_is_installed_that_is_not_in_a_lock_with_its_hash() -> None:
    for step in re.findall(r"pip [^&]*install [^&]*", DOCKERFILE.read_text().replace("\\\n", " ")):
        assert "--require-hashes" in step or "--no-index" in step, step
    assert not re.search(r"apt|apk|curl|wget|gcc|sudo", DOCKERFILE.read_text())


def test_what_serves_is_built_without_a_name_and_has_nothing_that_trains() -> None:
    assert list(stages())[-1] == "serve"
    assert locks_in("serve") == {"build.txt", "cluster.txt"}
    assert not packages("cluster.txt").keys() & TRAINING
    assert packages("cluster.txt").keys() >= IN_A_GROUP


def test_what_fits_has_all_that_trains_and_the_same_of_what_serves() -> None:
    assert locks_in("fit") == {"build.txt", "cluster.txt", "ml.txt"}
    serving, training = packages("cluster.txt"), packages("ml.txt")
    assert training.keys() >= TRAINING - {"tensorflow"}
    assert {name: training[name] for name in serving.keys() & training.keys()} == {
        name: serving[name] for name in serving.keys() & training.keys()
    }


@pytest.mark.parametrize("stage", ["serve", "fit"])
def test_what_runs_is_copied_from_where_it_was_built_and_builds_nothing(stage: str) -> None:
    assert instructions(built_on(stage), "RUN") == instructions(stages()["base"], "RUN")
    assert instructions(stages()[stage], "COPY")[0].endswith("/opt/kinelog /opt/kinelog")


@pytest.mark.parametrize("stage", ["serve", "fit"])
def test_nobody_is_root_and_the_command_is_understood(stage: str) -> None:
    assert instructions(stages()[stage], "USER") == [f"{TOPOLOGY.image.user}:{TOPOLOGY.image.group}"]
    assert f"--uid {TOPOLOGY.image.user}" in stages()["base"]
    (command,) = instructions(stages()[stage], "CMD")
    understand(json.loads(command))
    assert instructions(stages()[stage], "ENTRYPOINT") == ['["kinelog"]']
    assert instructions(stages()[stage], "STOPSIGNAL") == ["SIGTERM"]


def test_the_ports_and_the_health_check_are_the_described_ones() -> None:
    text = stages()["serve"]
    assert instructions(text, "EXPOSE") == [" ".join(str(port.number) for port in TOPOLOGY.ports.values())]
    (settings,) = instructions(text, "ENV")
    given = dict(pair.split("=") for pair in settings.split())
    for port in (TOPOLOGY.ports[name] for name in TOPOLOGY.processes["service"].ports):
        assert given[port.variable] == str(port.number)
    (check,) = instructions(text, "HEALTHCHECK")
    live = TOPOLOGY.processes["service"].probes["live"]
    assert live.path in check
    assert TOPOLOGY.ports[live.port].variable in check
    assert f"--interval={live.every_s}s --timeout={live.within_s}s" in check
    assert f"--retries={live.failures}" in check
    assert f"--start-period={TOPOLOGY.processes['service'].starts_within_s}s" in check


def ignored(path: str) -> bool:
    """Whether `.dockerignore` keeps a file out of the context."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    parents = [PurePosixPath(path), *PurePosixPath(path).parents]
    return any(
        part.match(one.removeprefix("**/"))
        for one in patterns
        for part in parents
        if one[:3] == "**/" or str(part) == one
    )


def test_the_context_holds_what_is_installed_and_no_secrets() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    folders = [line.split("=")[1].strip() for line in config["options"]["package_dir"].strip().splitlines()]
    needed = [*folders, "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "requirements/cluster.txt"]
    assert [path for path in needed if ignored(path)] == []
    secret = ["deploy/.env", ".env", "keys/master.key", "tls/node.pem", ".data/keys/model.key", ".git/config"]
    assert [path for path in secret if not ignored(path)] == []
