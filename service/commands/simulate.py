"""`kinelog simulate`: people with watches against a running service."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import click
import msgspec
from kinelog.codecs.values import Format
from kinelog.phone.faulty_link import Faults
from kinelog.phone.problems import NotAllowedError, PhoneError, ServiceUnavailableError
from kinelog.phone.simulation import Simulation, SimulationPlan
from kinelog.phone.tally import SimulationReport

EXIT_BAD_DATA = 65
EXIT_UNAVAILABLE = 69
EXIT_LOST = 70
EXIT_STOPPED = 130
FRAMES_A_MINUTE = 59
"""About: 50 samples a frame at a true rate of 49.2 Hz."""

_VERDICTS = {
    "sound": "every acknowledged frame is there, every damaged one was refused",
    "incomplete": "{report.unverified_sessions} sessions not compared, {report.refused_clean} clean frames refused,"
    " {report.accepted_damaged} damaged frames not refused",
    "lost": "{report.missing_acknowledged} ACKNOWLEDGED FRAMES ARE MISSING",
}
_PROBABILITY = click.FloatRange(0.0, 1.0)


@click.command(
    name="simulate",
    epilog="\b\nExample:\n"
    "  kinelog simulate --url http://127.0.0.1:8080 --token kl.demo.… --users 200 --minutes 2 --bulk",
)
@click.option("--url", required=True, help="Where the service is.")
@click.option(
    "--token", required=True, envvar="KINELOG_TOKEN", help="Token of an owner or the front desk; or KINELOG_TOKEN."
)
@click.option("--users", default=10, show_default=True, type=click.IntRange(1, 100_000), help="How many people.")
@click.option("--minutes", default=5.0, show_default=True, type=click.FloatRange(0.05, 600), help="Session length.")
@click.option("--live/--bulk", default=True, show_default=True, help="A frame a second, or everything afterwards.")
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0.01, 10_000), help="Live: time lapse.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Fixes people, movements, faults.")
@click.option("--gym", default=None, help="Where they train.")
@click.option("--retransmit", default=0.0, type=_PROBABILITY, help="Share of frames sent twice.")
@click.option("--gap", default=0.0, type=_PROBABILITY, help="Share of frames lost for ever.")
@click.option("--reorder", default=0.0, type=_PROBABILITY, help="Share of frames overtaken by later ones.")
@click.option("--corrupt", default=0.0, type=_PROBABILITY, help="Share of frames of which a damaged copy is sent too.")
@click.option(
    "--format", "layout", default="ae", show_default=True, type=click.Choice(["ae", "muvr16", "gfs"]), help="Layout."
)
@click.option(
    "--consent",
    multiple=True,
    type=click.Choice(["training-models", "shared-models", "trainer-access"]),
    help="Everybody consents to this, and says who they are; may be repeated.",
)
@click.option("--prefix", default="sim", show_default=True, help="First part of the people's names.")
@click.option("--started-at", type=int, default=None, help="Start of the sessions, Unix ms: makes a run repeatable.")
@click.option("--forever", is_flag=True, help="People come back until the program is stopped (a gym floor).")
@click.option("--give-up", default=120.0, show_default=True, help="Seconds to keep trying when the service is gone.")
@click.option("--connections", default=64, show_default=True, type=click.IntRange(1, 4096), help="At most.")
@click.option(
    "--ledger", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File of acknowledged frames."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def command(  # noqa: PLR0913 - one parameter an option; click passes them by name
    *,
    url: str,
    token: str,
    users: int,
    minutes: float,
    live: bool,
    speed: float,
    seed: int,
    gym: str | None,
    retransmit: float,
    gap: float,
    reorder: float,
    corrupt: float,
    layout: str,
    consent: tuple[str, ...],
    prefix: str,
    started_at: int | None,
    forever: bool,
    give_up: float,
    connections: int,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Simulate people who train with a watch, and check that the service holds what it acknowledged.

    Exit codes: 0 everything is there; 65 the service refused something; 69 it was gone for too long; 70 an acknowledged
    frame is missing; 130 stopped before everybody was through.
    """
    plan = SimulationPlan(
        url=url, token=token, users=users, minutes=minutes, live=live, speed=speed, seed=seed, gym=gym,
        faults=Faults(retransmit, gap, reorder, corrupt), layout=Format(layout), prefix=prefix,
        started_ms=started_at, forever=forever, give_up_s=give_up, connections=connections, ledger=ledger,
        consents=consent,
    )  # fmt: skip
    sys.exit(asyncio.run(_run(plan, as_json=as_json)))


async def _run(plan: SimulationPlan, *, as_json: bool) -> int:
    """Run, show, and choose the exit code."""
    simulation = Simulation(plan)
    running = asyncio.ensure_future(simulation.run())
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, running.cancel)
    watching = asyncio.ensure_future(_show_progress(simulation, show=not as_json and sys.stderr.isatty()))
    try:
        report = await running
    except asyncio.CancelledError:
        report = simulation.report()
    except ExceptionGroup as group:
        return _failed(group)
    finally:
        watching.cancel()
    click.echo(msgspec.json.encode(report).decode() if as_json else _in_words(report))
    if report.open_sessions and not plan.forever:
        return EXIT_STOPPED
    return _exit_code(report)


async def _show_progress(simulation: Simulation, *, show: bool) -> None:
    """A bar over all sessions, or, on a floor that never closes, a line that is rewritten."""
    if not show:
        return
    plan = simulation.plan
    total = round(plan.users * plan.minutes * FRAMES_A_MINUTE)
    if plan.forever:
        while True:
            click.echo(f"\r{simulation.tally.acknowledged} frames acknowledged", err=True, nl=False)
            await asyncio.sleep(1.0)
    with click.progressbar(length=total, label="frames made", file=sys.stderr) as bar:
        shown = 0
        while True:
            bar.update(simulation.tally.frames_made - shown)
            shown = simulation.tally.frames_made
            await asyncio.sleep(0.25)


def _failed(group: ExceptionGroup[Exception]) -> int:
    """Say why nothing could be simulated."""
    error = group.exceptions[0]
    if not isinstance(error, PhoneError):
        raise group
    click.echo(f"error: {error}", err=True)
    if isinstance(error, NotAllowedError):
        click.echo("Give --token the token of an owner or of the front desk: kinelog token create.", err=True)
    if isinstance(error, ServiceUnavailableError):
        click.echo("Is the service running there? Start it with: kinelog serve", err=True)
        return EXIT_UNAVAILABLE
    return EXIT_BAD_DATA


def _exit_code(report: SimulationReport) -> int:
    if report.missing_acknowledged:
        return EXIT_LOST
    if report.refused_clean or report.accepted_damaged:
        return EXIT_BAD_DATA
    return EXIT_UNAVAILABLE if report.unverified_sessions else 0


def _in_words(report: SimulationReport) -> str:
    refused = ", ".join(f"{count} {code}" for code, count in report.refused.items()) or "none"
    rows = {
        "people": f"{report.users}, {report.sessions} sessions, {report.seconds:.1f} s",
        "made": f"{report.frames_made} frames, {report.lost_on_purpose} of them lost on the radio on purpose",
        "sent": f"{report.sent_clean} once, {report.sent_again} again, {report.sent_damaged} damaged copies",
        "": f"{report.resent_at_end} asked for again at the end",
        "answers": f"{report.acknowledged} distinct frames acknowledged, {report.frames_per_second:.0f} a second",
        " ": f"{report.stored} stored, {report.duplicate} duplicate; refused: {refused}",
        "labels": f"{report.labels} sets, {report.corrections} corrected by the person",
        "wire": f"{report.attempts} requests, {report.connections_lost} lost, {report.answered_later} told to wait",
        "service": f"{report.service_stored} stored, {report.service_gaps} missing, {report.service_rejects} refused",
        "verdict": f"{report.verdict}: {_VERDICTS[report.verdict].format(report=report)}",
    }
    if report.open_sessions:
        rows["stopped"] = f"{report.open_sessions} sessions were still going on and are not compared"
    return "\n".join(f"{name:<9}{row}" for name, row in rows.items())
