"""Rows that Cassandra reads for one page of each view, by the server's own traces.

A made-up gym floor on which somebody trains twice a day for three weeks is folded into the structured tables by the
projection worker; then each question is asked for a page while every read is traced. Wanted: at most one row more than
the page has. What is aggregated over shards or days is listed apart, and so are samples from the middle of a session,
where frames that began earlier reach in. Rows that say where to look (a session's clocks,
and which parts it has) are counted as such.

    python -m benchmarks.rows_read --page 20
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sized
from pathlib import Path

import click
import msgspec
from kinelog.cassandra_session.connection import Connection
from kinelog.cassandra_session.migrations import apply_schema
from kinelog.projections.cassandra.layouts.samples_by_session import CLOCKS_BY_SESSION, SAMPLE_PARTS
from kinelog.projections.cassandra.read_side import CassandraReadSide
from kinelog.projections.cassandra.schema import VIEWS_SCHEMA

from benchmarks.cassandra_ring import cassandra_ring, connected, deployment
from tests.projections.busy_floor import DAY_MS, BusyFloor
from tests.projections.gym_floor import GYM, TENANT
from tests.projections.traced_connection import TracedConnection
from tests.projections.watch_frames import muvr16_block
from tests.projections.written_floor import WrittenFloor

APART = {"registry", "offsets", "parked"}
"""Read for all questions together and kept for a while."""

DIRECTORIES = {CLOCKS_BY_SESSION.name, SAMPLE_PARTS.name}
"""Rows that say where to look, and how a device's clock ran: as many as devices and stretches, whatever the page."""

HALF_DAYS = 42
FRAMES = 60
NONSENSE = 30


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One question.

    Attributes:
        rows: Of the answer.
        read: Rows of the view that the server looked at, deleted ones apart.
        directory: Rows that said where to look.
        tombstones: Deleted ones.
        partitions: Reads, each of one partition.
        plain: Whether "one row more than the page" is asked of it.
    """

    question: str
    rows: int
    read: int
    directory: int
    tombstones: int
    partitions: int
    plain: bool


class TracedFloor:
    """The floor, folded, and a read side whose reads are traced."""

    def __init__(self, floor: WrittenFloor, connection: Connection) -> None:
        """Let three weeks pass."""
        BusyFloor(floor, 3).play(60)
        self.anna = floor.register("anna")
        floor.open_gym()
        for number in range(1000, 1000 + HALF_DAYS):
            floor.now_ms += DAY_MS // 2
            self.session = floor.start(self.anna, number)
            floor.label(self.anna, self.session, floor.now_ms, floor.now_ms + 30_000)
        for sequence in range(FRAMES):
            frame = muvr16_block(floor.now_ms + sequence * 2000, 100, 2000, sequence, sequence)
            floor.send(self.anna, self.session, sequence, frame)
        for sequence in range(NONSENSE):
            floor.send(self.anna, self.session, 900 + sequence, b"ae nonsense")
        floor.project()
        self.middle_ms = floor.now_ms + FRAMES * 1000
        self.connection = TracedConnection(connection)
        self.side = CassandraReadSide(self.connection, floor.journal.shards, lambda: floor.now_ms)
        self.side.as_of()  # registry and positions, which every question finds known

    def asked(self, question: str, ask: Callable[[], Sized], *, plain: bool = True) -> Page:
        """Ask, and look at the traces."""
        self.connection.take()
        answer = ask()
        taken = [read for read in self.connection.take() if read.table not in APART]
        reads = [read.traced for read in taken]
        directory = sum(read.traced.live_rows for read in taken if read.table in DIRECTORIES)
        assert not any(traced.full_scan for traced in reads), question
        return Page(
            question=question,
            rows=len(answer),
            read=sum(traced.live_rows for traced in reads) - directory,
            directory=directory,
            tombstones=sum(traced.tombstones for traced in reads),
            partitions=len(reads),
            plain=plain,
        )


def pages(floor: TracedFloor, page: int) -> list[Page]:
    """A page of every question."""
    side, anna, session, middle = floor.side, floor.anna, floor.session, floor.middle_ms
    since = middle - 20 * DAY_MS
    return [
        floor.asked("session by id", lambda: side.session(TENANT, session)),
        floor.asked("sessions of a person", lambda: side.sessions_of_person(*anna, None, None, None, page).rows),
        floor.asked("sessions of a gym", lambda: side.sessions_of_gym(TENANT, GYM, since, None, None, page).rows),
        floor.asked("sets of a session", lambda: side.sets(*anna, session)),
        floor.asked("rejects of a session", lambda: side.rejects(*anna, session, page)),
        floor.asked("samples of a session", lambda: side.samples(*anna, session, None, None, page)),
        floor.asked(
            "samples from the middle",
            lambda: side.samples(*anna, session, middle, None, page),
            plain=False,
        ),
        floor.asked("training now", lambda: side.training_now(TENANT, GYM), plain=False),
        floor.asked("live at a gym", lambda: side.live(TENANT, GYM, {}, page), plain=False),
        floor.asked("labels of a tenant", lambda: side.labels(TENANT), plain=False),
        floor.asked(
            "occupancy of all days", lambda: side.occupancy(TENANT, GYM, "0000-01-01T00", "9999-12-31T23"), plain=False
        ),
        floor.asked(
            "station use of all days", lambda: side.station_use(TENANT, GYM, "0000-01-01", "9999-12-31"), plain=False
        ),
    ]


def in_words(found: list[Page], page: int) -> str:
    """The table for people."""
    lines = [
        f"pages of {page}",
        f"{'question':26}{'rows':>8}{'read':>8}{'directory':>11}{'deleted':>9}{'partitions':>12}",
    ]
    for each in found:
        judged = (
            ("within" if each.read <= max(each.rows, page) + 1 else "MORE THAN page + 1") if each.plain else "apart"
        )
        counts = f"{each.rows:8}{each.read:8}{each.directory:11}{each.tombstones:9}{each.partitions:12}"
        lines.append(f"{each.question:26}{counts}  {judged}")
    return "\n".join(lines)


@click.command()
@click.option("--page", default=20, show_default=True, type=click.IntRange(1, 1000), help="Rows of a page.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list.")
def main(*, page: int, as_json: bool) -> None:
    r"""Trace what is read for one page of each view; prints a table.

    \b
    Example:
      python -m benchmarks.rows_read --page 20
    """
    with (
        tempfile.TemporaryDirectory() as name,
        cassandra_ring(1, heap="512M") as cluster,
        connected(deployment(cluster, "pages")) as connection,
    ):
        apply_schema(connection, [VIEWS_SCHEMA])
        floor = WrittenFloor(Path(name), connection)
        found = pages(TracedFloor(floor, connection), page)
        floor.close()
    click.echo(msgspec.json.encode(found).decode() if as_json else in_words(found, page))


if __name__ == "__main__":
    main()
