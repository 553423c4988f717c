"""The `kinelog` command: registers the modules of `service/commands`, each imported only when it is called."""

from __future__ import annotations

import click
from kinelog.service.lazy_group import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("serve", "Run the service: HTTP, actors, projections."),
    "demo": ("demo", "Run the service with a demo gym and simulated people."),
    "project": ("project", "Fold the log into the structured tables; rebuild them; report lag."),
    "simulate": ("simulate", "People with watches who train, sent through HTTP."),
    "import": ("import_", "Send recordings to a service."),
    "decode": ("decode", "Explain a frame, field by field and bit by bit."),
    "tenant": ("tenant", "Create tenants."),
    "token": ("token", "Create tokens."),
    "user": ("user", "Export or erase a person."),
    "fit": ("fit", "The nightly fit: from labelled sets to signed models."),
    "model": ("model", "Published models: list, publish, promote, roll back, verify; their keys."),
    "backup": ("backup", "Copy log and keys while the service runs."),
    "restore": ("restore", "Make a data folder from backups."),
    "journal": ("journal", "Verify the log; copy it into another store; take one that was restored."),
    "schema": ("schema", "Make and change the tables of a Cassandra store."),
    "cluster": ("cluster", "Several nodes: status, drain one, move a shard."),
    "openapi": ("openapi", "Print the OpenAPI document."),
    "doctor": ("doctor", "Check a store and this machine, and say what to do."),
}
"""Name on the command line → module in `service/commands`, one line of help."""


# Not in `main`: click looks for a command, and finds that there is none, before it calls that.
click.UsageError.exit_code = 64


class Commands(LazyGroup):
    """All commands."""

    table = COMMANDS


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kinelog")
def main() -> None:
    """Track exercise from packed wearable sensor frames.

    \b
    Start here:
      kinelog demo --data .data
      kinelog decode frame.bin

    Exit codes: 0 done, 64 wrong usage or setting, 65 bad data, 66 no such input, 69 service unavailable,
    70 internal error, 73 cannot create, 75 try again later.
    """
