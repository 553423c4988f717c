"""`kinelog import`: what was recorded elsewhere, into a running service."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp
import click
import msgspec
from kinelog.phone.answers import DeviceTokens
from kinelog.phone.capture_files import Capture, CaptureError, find_captures, read_capture
from kinelog.phone.capture_import import WATCH, CaptureImport, CaptureReport
from kinelog.phone.client import OperatorClient, PhoneClient
from kinelog.phone.credentials import Credentials
from kinelog.phone.enrolment import enrol
from kinelog.phone.problems import NotAllowedError, PhoneError, ServiceUnavailableError
from kinelog.phone.transport import Patience, Transport

EXIT_BAD_DATA = 65
EXIT_UNAVAILABLE = 69


class ImportPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to import, and as whom.

    Attributes:
        user: Whose sessions they become; None: of whom the token is, which is a device's token then.
    """

    folders: list[Path]
    url: str
    token: str
    user: str | None
    gym: str | None
    give_up_s: float
    consents: tuple[str, ...] = ()


@click.group(name="import")
def command() -> None:
    """Import recordings into a running service, through its HTTP interface."""


@command.command(
    name="recorded",
    epilog="\b\nExample:\n"
    "  kinelog import recorded captures/monday captures/tuesday --url http://127.0.0.1:8080 --token kl.…",
)
@click.argument(
    "folders", nargs=-1, required=True, metavar="DIR…", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--url", required=True, help="Where the service is.")
@click.option(
    "--token", required=True, envvar="KINELOG_TOKEN", help="Token of an owner or the front desk; or KINELOG_TOKEN."
)
@click.option("--user", default="recordings", show_default=True, help="Whose sessions they become; made if unknown.")
@click.option("--device-token", is_flag=True, help="The token is a paired device's own; --user is not needed.")
@click.option("--gym", default=None, help="Where they were recorded.")
@click.option(
    "--consent",
    multiple=True,
    type=click.Choice(["training-models", "shared-models", "trainer-access"]),
    help="The person consents to this, e.g. to models being fitted to the sessions; may be repeated.",
)
@click.option("--give-up", default=60.0, show_default=True, help="Seconds to keep trying when the service is gone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def recorded(  # noqa: PLR0913 - one parameter an option; click passes them by name
    *,
    folders: tuple[Path, ...],
    url: str,
    token: str,
    user: str,
    device_token: bool,
    gym: str | None,
    consent: tuple[str, ...],
    give_up: float,
    as_json: bool,
) -> None:
    """Send folders of raw Pebble captures as a phone would: a session a folder, a set a file.

    DIR holds *.raw files (muvr16 blocks) and labels.txt, or folders that do. Sending them twice stores nothing twice.
    Exit codes: 0 all distinct packets of all files are stored; 65 they are not, or DIR holds no captures; 69 the
    service was gone for too long.
    """
    if device_token and consent:
        raise click.UsageError("--consent is written down by the owner: give --token an owner's")
    plan = ImportPlan(
        folders=list(folders), url=url, token=token, user=None if device_token else user, gym=gym, give_up_s=give_up,
        consents=consent,
    )  # fmt: skip
    try:
        captures = [read_capture(folder) for folder in find_captures(plan.folders)]
        reports = asyncio.run(_import(plan, captures, show=not as_json and sys.stderr.isatty()))
    except (CaptureError, OSError, PhoneError) as error:
        sys.exit(_failed(error))
    complete = all(report.complete for report in reports)
    click.echo(_as_json(reports, complete=complete) if as_json else _in_words(reports))
    sys.exit(0 if complete else EXIT_BAD_DATA)


async def _import(plan: ImportPlan, captures: list[Capture], *, show: bool) -> list[CaptureReport]:
    """Send captures in the order in which they were recorded, so that none looks older than the one before."""
    captures = sorted(captures, key=_first_ms)
    total = sum(len(file.packets) for capture in captures for file in capture.files)
    async with aiohttp.ClientSession() as http:
        transport = Transport(http, plan.url, Patience(give_up_after_s=plan.give_up_s))
        phone = PhoneClient(await _credentials(plan, transport))
        with click.progressbar(length=total, label="packets", file=sys.stderr, hidden=not show) as bar:
            return [
                await CaptureImport(capture, plan.user or "", plan.gym, phone, bar.update).run() for capture in captures
            ]


async def _credentials(plan: ImportPlan, transport: Transport) -> Credentials:
    if plan.user is None:
        return Credentials(transport, DeviceTokens(plan.token))
    desk = OperatorClient(transport, plan.token)
    credentials = await enrol(desk, plan.user, WATCH, "pebble")
    if plan.consents:
        await desk.consent(plan.user, plan.consents)
    return credentials


def _first_ms(capture: Capture) -> int:
    return min((packet.start_ms for file in capture.files for packet in file.packets), default=0)


def _failed(error: Exception) -> int:
    click.echo(f"error: {error}", err=True)
    if isinstance(error, NotAllowedError):
        click.echo("Give --token an owner's token, or --device-token with a paired device's own.", err=True)
    if isinstance(error, ServiceUnavailableError):
        click.echo("Is the service running there? Start it with: kinelog serve", err=True)
        return EXIT_UNAVAILABLE
    return EXIT_BAD_DATA


def _as_json(reports: list[CaptureReport], *, complete: bool) -> str:
    names = ("packets", "distinct", "stored", "new", "duplicates", "duplicates_seen", "missing", "seconds", "sets")
    totals = {name: sum(getattr(report, name) for report in reports) for name in names}
    return msgspec.json.encode({"captures": reports, "totals": totals, "complete": complete}).decode()


def _in_words(reports: list[CaptureReport]) -> str:
    return "\n\n".join([*(_capture_in_words(report) for report in reports), _totals_in_words(reports)])


def _capture_in_words(report: CaptureReport) -> str:
    heads = ("file", "packets", "distinct", "stored", "new", "duplicates", "gaps", "lost samples", "seconds")
    lines = [f"{report.capture}  session {report.session}", _row(heads, "set")]
    for file in report.files:
        cells = (
            file.file, file.packets, file.distinct, file.stored, file.new, file.duplicates, file.gaps,
            file.samples_lost, f"{file.seconds:.1f}",
        )  # fmt: skip
        note = file.label or "-"
        if not file.complete:
            note += f"  NOT WHOLE {file.detail or ''}"
        lines.append(_row(cells, note))
    runs = f"{report.runs} runs" if report.runs > 1 else "one run"
    lines.append(
        f"{report.sets} sets labelled; {runs} of the watch's sequence, {report.missing} packets never captured"
    )
    lines += [f"  {count} x {hole}" for hole, count in sorted(report.holes.items())]
    lines += [f"  refused: {count} x {code}" for code, count in sorted(report.refused.items())]
    return "\n".join(lines)


def _row(cells: tuple[object, ...], note: str) -> str:
    widths = (6, 8, 9, 7, 6, 11, 5, 13, 8)
    return "".join(f"{cell!s:>{width}}" for cell, width in zip(cells, widths, strict=True)) + f"  {note}"


def _totals_in_words(reports: list[CaptureReport]) -> str:
    files = [file for report in reports for file in report.files]
    whole = sum(file.complete for file in files)
    return (
        f"total: {len(reports)} sessions, {len(files)} files, {sum(file.packets for file in files)} packets read, "
        f"{sum(report.distinct for report in reports)} distinct, {sum(report.stored for report in reports)} stored "
        f"({sum(report.new for report in reports)} new), {sum(report.duplicates for report in reports)} duplicates, "
        f"{sum(report.seconds for report in reports):.0f} s of signal; {whole} of {len(files)} files stored whole"
    )
