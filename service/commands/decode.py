"""`kinelog decode`: what every field and every bit of a frame means."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from kinelog.codecs.format_names import FORMAT_OF_NAME
from kinelog.service.errors import CommandError, ConfigurationError, RefusedError

if TYPE_CHECKING:
    from kinelog.codecs.explain import ExplainedField, Explanation

MOST_BYTES = 64 * 1024 * 1024
"""Four times the longest MultiPacket that its own length fields allow."""


class NoInputError(CommandError):
    """There is no such file, or it cannot be read."""

    exit_code = 66


_EPILOG = """\b
Example:
  kinelog decode frame.bin
  kinelog decode --format ad-int16 --json capture.bin
  curl -s http://host/frame | kinelog decode -

\b
Exit codes: 0 decoded, 64 wrong usage, 65 the bytes are no frame, 66 no such file.
"""


@click.command(epilog=_EPILOG)
@click.argument("file", metavar="FILE")
@click.option(
    "--format",
    "format_name",
    metavar="NAME",
    help=f"The layout, instead of finding it out. One of: {', '.join(FORMAT_OF_NAME)}.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one object: the decoded frame, or the error.")
@click.option("--all", "all_samples", is_flag=True, help="Show every sample of long runs.")
def command(file: str, format_name: str | None, *, as_json: bool, all_samples: bool) -> None:
    """Explain a sensor frame, field by field and bit by bit. FILE is a file of raw bytes, or - for standard input."""
    from kinelog.codecs.explain import explain

    if format_name is not None and format_name not in FORMAT_OF_NAME:
        raise ConfigurationError(f"no layout is called {format_name}; known are {', '.join(FORMAT_OF_NAME)}")
    explanation = explain(_read(file), FORMAT_OF_NAME[format_name] if format_name else None, all_samples=all_samples)
    if as_json:
        click.echo(json.dumps(explanation.to_json_object(), separators=(",", ":"), allow_nan=False))
    else:
        _print(explanation)
    if explanation.error is not None:
        raise SystemExit(RefusedError.exit_code)


def _read(file: str) -> bytes:
    """The whole input, bounded before it is held."""
    try:
        if file == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(file).open("rb") as stream:
                data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        advice = "name a file of raw frame bytes, or - for standard input"
        raise NoInputError(f"cannot read {file}: {error.strerror}; {advice}") from error
    if len(data) > MOST_BYTES:
        raise RefusedError(f"{file} holds more than {MOST_BYTES} bytes; no frame is that long")
    return data


def _print(explanation: Explanation) -> None:
    if explanation.format is not None:
        click.echo(f"layout {explanation.format.value}")
    if explanation.fields:
        click.echo(f"{'offset':>8}  {'bytes':<26}  {'bits':<7}  {'field':<24}  {'value':<22}  meaning")
    for field in explanation.fields:
        click.echo(_line(field))
    if explanation.frame is not None:
        for block in explanation.frame.summary.blocks:
            place = f" at {block.location}" if block.location else ""
            click.echo(f"{block.kind.value}{place}: {block.count} samples in {block.unit} at {block.rate_hz} Hz")
        if explanation.frame.summary.dead:
            click.echo("the watch says that it stopped")
    if explanation.error is not None:
        click.echo(f"Error: {explanation.error}", err=True)


def _line(field: ExplainedField) -> str:
    bits = f"{field.bits[0]}-{field.bits[1]}" if field.bits else ""
    return f"{field.offset:>8}  {field.hex:<26}  {bits:<7}  {field.name:<24}  {field.value:<22}  {field.meaning}"
