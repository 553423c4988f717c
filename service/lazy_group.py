"""A group of commands that knows them by name, and imports the module of the one that is called."""

from __future__ import annotations

import importlib
from typing import ClassVar

import click
from typing_extensions import override


class LazyGroup(click.Group):
    """Its help imports no command; a subclass says which there are.

    Attributes:
        table: Name on the command line → module in `service/commands`, one line of help.
    """

    table: ClassVar[dict[str, tuple[str, str]]]

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the table."""
        return list(self.table)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in self.table:
            return None
        module = importlib.import_module(f"kinelog.service.commands.{self.table[cmd_name][0]}")
        command: click.Command = module.command
        command.name = cmd_name
        keep_examples_as_written(command)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])


def keep_examples_as_written(command: click.Command) -> None:
    r"""Turn the two characters `\b` of a raw docstring into the one that keeps click from wrapping what follows."""
    command.help = command.help and command.help.replace(r"\b", "\b")
    if isinstance(command, click.Group):
        for child in command.commands.values():
            keep_examples_as_written(child)
