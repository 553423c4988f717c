"""The files for Marathon and Metronome, with what comes from the environment put in."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import jsonschema

from tests.deploy.command_lines import EXAMPLES
from tests.deploy.topology import ROOT

FOLDER = ROOT / "mesos"
FILES = {
    "kinelog.json": "marathon-group",
    "schema-job.json": "metronome-job",
    "fit-job.json": "metronome-job",
    "fit-schedule.json": "metronome-schedule",
}
FROM_THE_ENVIRONMENT = {
    "KINELOG_IMAGE": "registry.example.com/kinelog:0.1.0",
    "KINELOG_FIT_IMAGE": "registry.example.com/kinelog-fit:0.1.0",
    "KINELOG_ZOOKEEPER": EXAMPLES["KINELOG_ZOOKEEPER"],
    **{f"KINELOG_{who}_STORE": EXAMPLES["KINELOG_STORE"] for who in ("SERVICE", "PROJECTIONS", "FIT", "SCHEMA")},
}
"""What README's `envsubst` puts in; whatever else a file refers to is left as it stands, and so refused."""

OF_A_TASK = {"HOST": "10.0.0.7", "PORT0": "31080", "PORT1": "31081"}
"""What Marathon gives a task with two ports."""


def read(name: str) -> Any:
    """A file, as it is sent."""
    text = (FOLDER / name).read_text()
    return json.loads(re.sub(r"\$\{(\w+)\}", lambda found: FROM_THE_ENVIRONMENT[found[1]], text))


def check(name: str, content: object) -> None:
    """Hold a file to the schema of where it is sent.

    Raises:
        jsonschema.ValidationError: It would be refused.
    """
    _validator(FILES[name]).validate(content)


@functools.cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    content = json.loads((FOLDER / "schema" / f"{schema}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(content)
    return jsonschema.Draft202012Validator(content)


def app(name: str) -> Any:
    """An app of the group."""
    (found,) = (one for one in read("kinelog.json")["apps"] if one["id"] == f"/kinelog/{name}")
    return found
