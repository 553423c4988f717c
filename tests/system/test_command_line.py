"""The command line as people meet it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from kinelog.service.cli import COMMANDS, main

from tests.system.running_service import RunningService, kinelog

WRONG_KEYS: tuple[dict[str, str], ...] = (
    {},
    {"KINELOG_MASTER_KEY": "5b" * 32},
    {"KINELOG_MASTER_KEY": "no secret of 64 digits"},
)


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its words."""
    if not isinstance(command, click.Group):
        return [(path, command)]
    context = click.Context(command)
    found = []
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        found += leaves(child, (*path, name))
    return found


@pytest.mark.parametrize("words", [path for path, _ in leaves(main)], ids=" ".join)
def test_every_command_explains_itself_with_an_example(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*words, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output, f"kinelog {' '.join(words)} --help shows no example"
    assert r"\b" not in result.output, "an example is wrapped, and click's mark for it is shown"


@pytest.mark.parametrize("words", [path for path, _ in leaves(main)] + [()], ids=" ".join)
def test_examples_of_every_help_stand_on_lines_of_their_own(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(main, [*words, "--help"]).output
    assert "\\b" not in shown, "a raw docstring shows click's mark instead of obeying it"
    lines = [line.strip() for line in shown.splitlines()]
    heading = next(n for n, line in enumerate(lines) if line in {"Example:", "Examples:", "Start here:"})
    # `KINELOG_TOKEN=kl.… kinelog user …` begins with the variable that it needs.
    assert re.match(r"(KINELOG_\w+=\S+ )*kinelog " + " ".join(words), lines[heading + 1]), lines[heading + 1]


def test_help_lists_every_command_without_importing_any() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert name in result.output


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--port", "many"], ["token", "create"]])
def test_wrong_usage_ends_in_64_without_a_stack_trace(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 64
    assert "Traceback" not in result.output


def test_a_wrong_setting_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "kinelog.toml").write_text("shards = 'many'\n")
    result = CliRunner().invoke(main, ["tenant", "create", "x", "--data", str(tmp_path)])
    assert result.exit_code == 64
    assert "shards" in result.output


@pytest.mark.system
def test_the_environments_master_key_opens_what_it_made_and_nothing_else_does(tmp_path: Path) -> None:
    data, restored = tmp_path / "data", tmp_path / "restored"
    key = {"KINELOG_MASTER_KEY": "5a" * 32}
    assert kinelog("tenant", "create", "iron-works", "--data", str(data), **key).returncode == 0
    with RunningService(data, variables=key):
        to = ("--to", str(tmp_path / "logs"), "--keys-to", str(tmp_path / "keys"))
        backup = kinelog("backup", "--data", str(data), *to, "--json", **key)
    assert backup.returncode == 0, backup.stderr
    made = json.loads(backup.stdout)
    sources = ("--log", made["log"], "--keys", made["keys"], "--nobody-was-erased")
    assert kinelog("restore", *sources, "--to", str(restored), **key).returncode == 0
    assert kinelog("project", "--data", str(restored), "--once", **key).returncode == 0
    refusals: list[tuple[Path, tuple[str, ...], dict[str, str]]] = [
        *((data, ("serve", "--port", "0"), wrong) for wrong in WRONG_KEYS),
        (restored, ("project", "--once"), {}),
    ]
    for folder, words, wrong in refusals:
        refused = kinelog(*words, "--data", str(folder), **wrong)
        assert refused.returncode == 64, (words, refused.stderr)
        assert "Traceback" not in refused.stderr
        assert "master key" in refused.stderr or "KINELOG_MASTER_KEY" in refused.stderr
        assert "no secret" not in refused.stderr
        # Had a start without the key made one of its own, the next start with the right key would be refused.
        assert not (folder / "keys" / "master.key").exists()


@pytest.mark.system
def test_doctor_finds_a_fresh_folder_well_and_an_open_one_ill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert kinelog("tenant", "create", "iron-works", "--data", str(data)).returncode == 0
    well = kinelog("doctor", "--data", str(data), "--json")
    assert well.returncode == 0, well.stdout + well.stderr
    verdicts = {finding["check"]: finding["verdict"] for finding in json.loads(well.stdout)["findings"]}
    assert verdicts["permissions"] == "ok"
    assert verdicts["parts"] == "ok"
    assert verdicts["master key"] == "ok"
    (data / "keys").chmod(0o755)
    ill = kinelog("doctor", "--data", str(data))
    assert ill.returncode == 70
    assert "chmod" in ill.stdout
    (data / "keys" / "master.key").write_text("ab" * 32)
    other_key = kinelog("doctor", "--data", str(data))
    assert other_key.returncode == 70
    assert "another master key" in other_key.stdout


@pytest.mark.system
@pytest.mark.parametrize("key", [None, "ab" * 32, "no key"])
def test_a_service_without_its_master_key_does_not_start_and_says_why(tmp_path: Path, key: str | None) -> None:
    data = tmp_path / "data"
    assert kinelog("tenant", "create", "iron-works", "--data", str(data)).returncode == 0
    file = data / "keys" / "master.key"
    file.unlink() if key is None else file.write_text(key)
    refused = kinelog("serve", "--data", str(data), "--port", "0")
    assert refused.returncode == 64
    assert "master" in refused.stderr
    assert "Traceback" not in refused.stderr
