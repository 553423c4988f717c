"""`kinelog fit`: its commands are in modules beside this one, each imported only when it is called."""

from __future__ import annotations

import importlib

import click
from kinelog.service.errors import ConfigurationError
from typing_extensions import override

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("fit_run", "Fit, compare, publish: what a scheduler calls every night."),
    "list": ("fit_list", "List the nights that were."),
    "score": ("fit_score", "Score published models on any folder of recordings."),
    "show": ("fit_show", "Show one night: what it saw, what it found, what it cost."),
    "data": ("fit_data", "Write a data set to disk: labelled sets, gated, at 50 Hz, by cluster and person."),
    "purge": ("fit_purge", "Remove who is erased or has withdrawn consent from data on disk."),
}
"""Name on the command line → module in this folder, one line of help."""

EXTRA = {"distributed", "keras", "matplotlib", "pyarrow", "sklearn", "tensorflow"}
"""What the extra `ml` brings, and nothing that serves needs."""


class LazyFit(click.Group):
    """Knows its commands by name: help needs no TensorFlow."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the table."""
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        try:
            module = importlib.import_module(f"kinelog.service.commands.{COMMANDS[cmd_name][0]}")
        except ModuleNotFoundError as error:
            raise missing(error) from error
        found: click.Command = module.command
        found.name = cmd_name
        found.help = found.help and found.help.replace(r"\b", "\b")
        return found

    @override
    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what it imports as it runs may be missing, too."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise missing(error) from error

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def missing(error: ModuleNotFoundError) -> Exception:
    """What to say of a module that is not there: if the extra brings it, how to get that."""
    if (error.name or "").partition(".")[0] not in EXTRA:
        return error
    return ConfigurationError(
        f"{error.name} is not installed: `kinelog fit` needs the extra `ml` (pip install 'kinelog[ml]')"
    )


@click.group(cls=LazyFit)
def command() -> None:
    """The nightly fit: from labelled sets to signed models.

    Needs the extra `ml`. Works beside a running service, whose structured tables it reads and whose model store it
    writes; nothing else of the service is touched.
    """
