"""The images: what serves has nothing that trains, nobody is root, and what they run exists."""

from __future__ import annotations

import json
import re

import click
import pytest
from kinelog.service.cli import main

from tests.deploy.compose import ROOT

TRAINING = {"tensorflow", "tensorflow-cpu", "keras", "scikit-learn", "pyarrow", "distributed", "matplotlib"}


def stages() -> dict[str, str]:
    """Each stage's instructions, by name; the image that is built when none is named is `serve` here."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found = {}
    for part in re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]:
        named = re.match(r"FROM \S+ AS (\S+)", part)
        found[named[1] if named else "serve"] = part
    return found


def packages(lock: str) -> set[str]:
    """Names in a lock."""
    return set(re.findall(r"^([a-z0-9_.-]+)==", (ROOT / "requirements" / lock).read_text(), re.MULTILINE))


def locks_in(stage: str) -> set[str]:
    """Locks that are installed in a stage and in those that it takes files from."""
    text = stages()[stage]
    before = set(re.findall(r"--from=(\S+)", text)) | set(re.findall(r"^FROM (\S+)", text)) & set(stages())
    own = set(re.findall(r"-r requirements/(\S+)", text))
    return own.union(*(locks_in(one) for one in before))


def test_what_serves_is_built_without_a_name_and_has_nothing_that_trains() -> None:
    assert list(stages())[-1] == "serve"
    assert locks_in("serve") == {"build.txt", "cassandra.txt"}
    assert not packages("cassandra.txt") & TRAINING


def test_what_fits_has_all_that_trains_and_all_that_serves() -> None:
    assert locks_in("fit") == {"build.txt", "cassandra.txt", "ml.txt"}
    assert packages("ml.txt") >= TRAINING - {"tensorflow"}
    assert packages("ml.txt") >= packages("cassandra.txt")


@pytest.mark.parametrize("stage", ["serve", "fit"])
def test_nobody_is_root_and_the_command_is_understood(stage: str) -> None:
    assert re.search(r"^USER 10001:10001$", stages()[stage], re.MULTILINE)
    command = re.search(r"^CMD (\[.*\])$", stages()[stage], re.MULTILINE)
    assert command
    context = click.Context(main, info_name="kinelog")
    word, found, rest = main.resolve_command(context, json.loads(command[1]))
    while isinstance(found, click.Group):
        context = found.make_context(word, rest, parent=context)
        word, found, rest = found.resolve_command(context, [*context._protected_args, *context.args])
    assert found is not None
    assert word is not None
    found.make_context(word, rest, parent=context)  # raises what the command line would print


def test_all_images_run_the_same_python_and_the_same_person() -> None:
    made = {re.search(r"RUN groupadd.*", stages()[stage]) for stage in ("serve", "fit")}
    assert len({line[0] for line in made if line}) == 1
    assert len(set(re.findall(r"FROM (python:\S+)", (ROOT / "Dockerfile").read_text()))) == 1
