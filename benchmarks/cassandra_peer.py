"""Durable events acknowledged a second: our shards against Pekko Persistence, on one Cassandra, in turns.

Both sides: 1 000 users, each with one command of one event of 400 bytes in flight, sent again when it is answered; no
snapshots. Kinelog: the shard actors with the domain's own decisions, encryption under each person's key and fenced
commits in 8 shards; the indexer, which recoveries need, runs beside them and is part of the load. The peer: typed
persistent actors that count events of random bytes, once as fast as it can (no events by tag), once with tags, which is
what its projections read. Ours read the log itself, so one figure of ours stands against both.

The peer's program is built with Maven beforehand and given as a folder; each of its rounds is a process of its own that
warms up before it counts.

    python -m benchmarks.cassandra_peer --peer /tmp/pekko --rounds 3
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import msgspec

from benchmarks.acknowledged_events import EVENT_BYTES, SHARDS, USERS, our_side
from benchmarks.cassandra_ring import HEAP, cassandra_ring, deployment
from benchmarks.pekko_peer import TAGGED, UNTAGGED, PeerError, PekkoPeer
from benchmarks.rounds import Rates, in_turn, machine, ratio, spread

OURS = "kinelog, domain, sealing, indexer"
PEER_UNTAGGED = "peer, untagged"
PEER_TAGGED = "peer, tagged"
WANTED_UNTAGGED = 1.5
WANTED_TAGGED = 3.0


class PeerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What the run showed.

    Attributes:
        untagged, tagged: Our median over the peer's.
        events_per_second: Of each side, a figure a round.
    """

    machine: str
    peer: str
    server_heap: str
    shards: int
    users: int
    event_bytes: int
    untagged: float
    wanted_untagged: float
    tagged: float
    wanted_tagged: float
    events_per_second: Rates


def measure(peer_folder: Path, folder: Path | None, rounds: int, warm_s: float, seconds: float) -> PeerFigures:
    """All sides in turns, after a round of ours that warms server and caches."""
    told = machine()
    with tempfile.TemporaryDirectory() as keys, cassandra_ring(1, folder) as cluster:
        peer = PekkoPeer(peer_folder, cluster.contact_points[0])
        with our_side(deployment(cluster, "ours"), Path(keys)) as ours:

            def our_rate() -> float:
                return ours.round(warm_s, seconds).per_second

            def peer_rate(settings: str) -> float:
                return peer.events_per_second(settings, USERS, warm_s, seconds).per_second

            our_rate()
            sides: dict[str, Callable[[], float]] = {
                OURS: our_rate,
                PEER_UNTAGGED: partial(peer_rate, UNTAGGED),
                PEER_TAGGED: partial(peer_rate, TAGGED),
            }
            rates = in_turn(sides, rounds, lambda side, rate: click.echo(f"{side}: {rate:,.0f} events/s", err=True))
    return PeerFigures(
        machine=told,
        peer=peer.versions,
        server_heap=HEAP,
        shards=SHARDS,
        users=USERS,
        event_bytes=EVENT_BYTES,
        untagged=ratio(rates[OURS], rates[PEER_UNTAGGED]),
        wanted_untagged=WANTED_UNTAGGED,
        tagged=ratio(rates[OURS], rates[PEER_TAGGED]),
        wanted_tagged=WANTED_TAGGED,
        events_per_second=rates,
    )


def in_words(figures: PeerFigures) -> str:
    """The figures for people."""
    rounds = len(figures.events_per_second[OURS])
    lines = [
        f"{figures.machine}; one node, heap {figures.server_heap}",
        f"peer: {figures.peer}; {figures.users} users, {figures.event_bytes} bytes an event; {figures.shards} shards",
        f"{'acknowledged events/s':40}    median (smallest to largest of {rounds} rounds)",
        *(f"{side:40}{spread(rates)}" for side, rates in figures.events_per_second.items()),
        f"against untagged: {figures.untagged:.2f}x (wanted: {figures.wanted_untagged}x)",
        f"against tagged:   {figures.tagged:.2f}x (wanted: {figures.wanted_tagged}x)",
    ]
    return "\n".join(lines)


@click.command()
@click.option(
    "--peer", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path), help="Built peer."
)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 50))
@click.option("--warm", default=5.0, show_default=True, type=click.FloatRange(0, 60), help="Seconds before a round.")
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(1, 600), help="Of one round.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="On the disk to measure.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(*, peer: Path, rounds: int, warm: float, seconds: float, folder: Path | None, as_json: bool) -> None:
    r"""Measure acknowledged events a second against Pekko Persistence; prints ratios, promises nothing.

    \b
    Example:
      python -m benchmarks.cassandra_peer --peer /tmp/pekko --rounds 3
    """
    try:
        figures = measure(peer, folder, rounds, warm, seconds)
    except PeerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(msgspec.json.encode(figures).decode() if as_json else in_words(figures))


if __name__ == "__main__":
    main()
