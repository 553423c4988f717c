"""Options that several commands share, declared once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from kinelog.observability.json_logs import LOG_FORMATS
from kinelog.registry.errors import ScopeError
from kinelog.registry.scope import Scope
from typing_extensions import override

Function = TypeVar("Function", bound=Callable[..., object])


def data_option(function: Function) -> Function:
    """`--data DIR`."""
    option = click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(".data"),
        show_default=True,
        envvar="KINELOG_DATA",
        help="Data folder.",
    )
    return option(function)


def store_option(function: Function) -> Function:
    """`--store ADDRESS`; None leaves it to the environment and `kinelog.toml`."""
    return click.option(
        "--store",
        metavar="ADDRESS",
        help="Where log, keys and views lie: sqlite (the data folder), or cassandra://host[:port].  [default: sqlite]",
    )(function)


def log_options(function: Function) -> Function:
    """`--log-level`, `--log-format`; None leaves them to the environment and `kinelog.toml`."""
    level = click.option("--log-level", help="DEBUG, INFO, WARNING or ERROR.  [default: INFO]")
    shape = click.option(
        "--log-format", type=click.Choice(LOG_FORMATS), help="For people, or JSON, one object a line.  [default: text]"
    )
    return level(shape(function))


class ScopeType(click.ParamType[Scope]):
    """`TENANT/CLUSTER/SENSOR+SENSOR`."""

    name = "scope"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Scope:
        """The scope that is named."""
        if isinstance(value, Scope):
            return value
        try:
            return Scope.parse(str(value))
        except ScopeError as error:
            self.fail(str(error), param, ctx)


SCOPE = ScopeType()


def scope_argument(function: Function) -> Function:
    """`SCOPE`: what a model is for."""
    return click.argument("scope", type=SCOPE)(function)


def json_option(function: Function) -> Function:
    """`--json`, as the parameter `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object for machines.")(function)


def print_result(result: dict[str, object], text: str, *, as_json: bool) -> None:
    """Print a result for a machine or for a person."""
    click.echo(json.dumps(result) if as_json else text)
