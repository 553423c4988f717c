"""`kinelog fit`: its commands are in modules beside this one, each imported only when it is called."""

from __future__ import annotations

import click
from kinelog.service.errors import ConfigurationError
from kinelog.service.lazy_group import LazyGroup
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


class FitCommands(LazyGroup):
    """The commands of the fit; where the extra is missing they say so."""

    table = COMMANDS

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        try:
            return super().get_command(ctx, cmd_name)
        except ModuleNotFoundError as error:
            raise missing(error) from error

    @override
    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what it imports as it runs may be missing, too."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise missing(error) from error


def missing(error: ModuleNotFoundError) -> Exception:
    """What to say of a module that is not there: if the extra brings it, how to get that."""
    if (error.name or "").partition(".")[0] not in EXTRA:
        return error
    return ConfigurationError(
        f"{error.name} is not installed: `kinelog fit` needs the extra `ml` (pip install 'kinelog[ml]')"
    )


@click.group(cls=FitCommands)
def command() -> None:
    """The nightly fit: from labelled sets to signed models.

    Needs the extra `ml`. Works beside a running service, whose structured tables it reads and whose model store it
    writes; nothing else of the service is touched.
    """
