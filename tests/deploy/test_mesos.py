"""The files for Marathon and Metronome are what those accept, and run the described processes."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.deploy.command_lines import known_variables, settings_of, understand
from tests.deploy.mesos import FILES, FOLDER, FROM_THE_ENVIRONMENT, OF_A_TASK, app, check, read
from tests.deploy.topology import TOPOLOGY

RUNS: dict[str, Callable[[], Any]] = {
    "service": lambda: app("service"),
    "projections": lambda: app("projections"),
    "schema": lambda: read("schema-job.json")["run"],
    "fit": lambda: read("fit-job.json")["run"],
}


def words_of(run: Any) -> tuple[dict[str, str], list[str]]:
    """Variables that the shell sets in front of the program, and what it is called with."""
    if "args" in run:
        return {}, list(run["args"])
    before, execute, command = run["cmd"].partition("exec kinelog ")
    assert execute, "without exec the shell would get SIGTERM, and the program nothing"
    pairs = dict(word.split("=", 1) for word in shlex.split(before))
    return {name: OF_A_TASK[value.removeprefix("$")] for name, value in pairs.items()}, shlex.split(command)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_is_accepted(name: str) -> None:
    check(name, read(name))


def test_every_file_is_looked_at() -> None:
    assert {file.name for file in FOLDER.glob("*.json")} == set(FILES)
    assert {file.name for file in (FOLDER / "schema").iterdir()} == {f"{name}.schema.json" for name in FILES.values()}


def change(path: str, value: object) -> Callable[[Any], None]:
    """A change at a place such as `apps.0.cpus`; None takes away what is there."""

    def do(content: Any) -> None:
        *before, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
        for part in before:
            content = content[part]
        if value is None:
            del content[last]
        else:
            content[last] = value

    return do


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("kinelog.json", "apps.0.heathChecks", []),
        ("kinelog.json", "apps.0.healthChecks.0.gracePeriod", 60),
        ("kinelog.json", "apps.0.healthChecks.0.path", None),
        ("kinelog.json", "apps.0.healthChecks.0.protocol", "GRPC"),
        ("kinelog.json", "apps.0.args", ["serve"]),  # beside cmd
        ("kinelog.json", "apps.0.cmd", None),
        ("kinelog.json", "apps.0.id", "/Kinelog/Service"),
        ("kinelog.json", "apps.0.uris", []),
        ("kinelog.json", "apps.0.ports", [8080]),
        ("kinelog.json", "apps.0.container.docker.network", "HOST"),
        ("kinelog.json", "apps.0.container.type", "PODMAN"),
        ("kinelog.json", "apps.0.constraints", [["hostname", "UNIQ"]]),
        ("kinelog.json", "apps.0.constraints", [["hostname"]]),
        ("kinelog.json", "apps.0.env.KINELOG_PORT", 8080),
        ("kinelog.json", "apps.0.env.KINELOG_MASTER_KEY", {"secrets": "master-key"}),
        ("kinelog.json", "apps.0.upgradeStrategy.minimumHealthCapacity", 2),
        ("kinelog.json", "apps.0.unreachableStrategy", "enabled"),
        ("kinelog.json", "apps.0.backoffFactor", 0.5),
        ("kinelog.json", "apps.0.networks", [{"mode": "bridge"}]),
        ("kinelog.json", "apps.0.readinessChecks.0.portIndex", 0),
        ("kinelog.json", "dependancies", []),
        ("fit-job.json", "run.mem", 16),
        ("fit-job.json", "run.instances", 2),
        ("fit-job.json", "run.concurrencyPolicy", "FORBID"),
        ("fit-job.json", "run.disk", None),
        ("fit-job.json", "run.restart.policy", "ALWAYS"),
        ("fit-job.json", "run.placement.constraints.0.operator", "UNIQUE"),
        ("fit-job.json", "run.cmd", "kinelog fit run"),
        ("fit-job.json", "run.ucr", {"image": {"id": "kinelog"}}),
        ("fit-job.json", "id", "kinelog.-fit"),
        ("fit-schedule.json", "concurrencyPolicy", "REPLACE"),
        ("fit-schedule.json", "cron", "10 2 * *"),
        ("fit-schedule.json", "timeZone", "UTC"),
    ],
)
def test_what_would_be_refused_is_found(name: str, path: str, value: object) -> None:
    content = read(name)
    change(path, value)(content)
    with pytest.raises(jsonschema.ValidationError):
        check(name, content)


@pytest.mark.parametrize("name", RUNS)
def test_a_task_is_the_described_process(name: str) -> None:
    run, process = RUNS[name](), TOPOLOGY.processes[name]
    _, command = words_of(run)
    assert tuple(command) == process.command
    understand(command)
    assert (run["cpus"], run["mem"]) == (process.cpus, process.memory_mib)
    assert run["taskKillGracePeriodSeconds"] == process.grace_s
    image = (run.get("container") or run)["docker"]
    assert image["image"] == FROM_THE_ENVIRONMENT["KINELOG_FIT_IMAGE" if process.stage == "fit" else "KINELOG_IMAGE"]
    asked = {(one["key"], one["value"]) for one in image["parameters"]}
    assert {("read-only", "true"), ("cap-drop", "ALL"), ("security-opt", "no-new-privileges")} <= asked
    assert {value for key, value in asked if key == "tmpfs"} | {"/data"} == set(
        process.writes
    )  # /data: a volume of the image


@pytest.mark.parametrize("name", RUNS)
def test_variables_are_known_and_secrets_come_by_reference(name: str, tmp_path: Path) -> None:
    run, process = RUNS[name](), TOPOLOGY.processes[name]
    by_shell, _ = words_of(run)
    given = run["env"]
    assert TOPOLOGY.required(name) <= given.keys() | by_shell.keys() <= known_variables()
    for variable, value in given.items():
        assert isinstance(value, dict) == (variable in TOPOLOGY.secrets()), variable
    assert {value["secret"] for value in given.values() if isinstance(value, dict)} == run["secrets"].keys()
    assert set(process.secrets) <= given.keys()
    assert {name: given[name] for name in process.variables} == process.variables
    plain = {variable: value for variable, value in given.items() if isinstance(value, str)}
    settings = settings_of({**plain, **by_shell}, tmp_path)
    assert [by_shell[TOPOLOGY.ports[port].variable] for port in process.ports] == [
        OF_A_TASK[f"PORT{number}"] for number in range(len(process.ports))
    ]
    assert settings.advertise == (OF_A_TASK["HOST"] if "KINELOG_ADVERTISE" in process.told else None)


@pytest.mark.parametrize("name", ["service", "projections"])
def test_an_app_is_one_a_host_and_loses_one_at_a_time(name: str) -> None:
    of, process = app(name), TOPOLOGY.processes[name]
    assert of["instances"] == process.instances
    assert of["constraints"] == [["hostname", "UNIQUE"]]
    assert math.ceil(of["instances"] * of["upgradeStrategy"]["minimumHealthCapacity"]) == process.instances - 1
    lost = of["unreachableStrategy"]
    assert lost["inactiveAfterSeconds"] <= lost["expungeAfterSeconds"]
    assert [port["name"] for port in of["portDefinitions"]] == list(process.ports)


@pytest.mark.parametrize("name", ["service", "projections"])
def test_checks_are_the_described_probes(name: str) -> None:
    of, process = app(name), TOPOLOGY.processes[name]
    live = process.probes["live"]
    (health,) = of["healthChecks"]
    assert of["portDefinitions"][health["portIndex"]]["name"] == live.port
    asked = (health["path"], health["intervalSeconds"], health["timeoutSeconds"], health["maxConsecutiveFailures"])
    assert asked == (live.path, live.every_s, live.within_s, live.failures)
    assert health["gracePeriodSeconds"] == process.starts_within_s
    for readiness, ready in zip(of.get("readinessChecks", []), [process.probes.get("ready")], strict=False):
        assert ready is not None
        assert (readiness["path"], readiness["portName"]) == (ready.path, ready.port)
        assert (readiness["intervalSeconds"], readiness["timeoutSeconds"]) == (ready.every_s, ready.within_s)
        assert readiness["timeoutSeconds"] < readiness["intervalSeconds"]
    assert len(of.get("readinessChecks", [])) == ("ready" in process.probes)


def test_workers_come_after_the_service_that_they_depend_on() -> None:
    assert app("projections")["dependencies"] == [app("service")["id"]]


def test_nights_do_not_overlap_are_tried_again_and_run_where_machines_are_cheap() -> None:
    schedule, run, process = read("fit-schedule.json"), read("fit-job.json")["run"], TOPOLOGY.processes["fit"]
    assert (schedule["cron"], schedule["concurrencyPolicy"]) == (process.cron, "FORBID")
    assert schedule["startingDeadlineSeconds"] == run["maxLaunchDelay"] == process.starts_within_s
    assert run["restart"]["policy"] == "ON_FAILURE"
    assert run["restart"]["activeDeadlineSeconds"] < 24 * 3600
    assert run["placement"]["constraints"] == [{"attribute": "lifecycle", "operator": "IS", "value": "spot"}]


def test_the_readme_names_all_that_comes_from_the_environment_and_every_secret() -> None:
    text = (FOLDER / "README.md").read_text()
    (names,) = re.findall(r"^NAMES='(.*)'$", text, re.MULTILINE)
    assert set(names.split()) == {f"${name}" for name in FROM_THE_ENVIRONMENT}
    for run in RUNS.values():
        for secret in run()["secrets"].values():
            *_, who, what = secret["source"].split("/")
            assert f"`{secret['source']}`" in text or (what == "cassandra-password" and f"`{who}`" in text)


def test_the_readme_says_that_this_is_retired_and_since_when() -> None:
    text = (FOLDER / "README.md").read_text()
    assert "retired to the Apache Attic in August 2025" in text
    assert "October 2021" in text
