"""Frames a second that travel to another node and back, against frames that their own node decides.

Run with `python -m benchmarks.forwarding`. Two processes with a journal in memory each; on both, as many people as
`--people` says each send one frame, wait until it is acknowledged, and send the next. In a *local* round each process
asks its own shards; in a *forwarded* round each asks the other's, every single frame over the channel. Both rounds do
the same work in the same two processes, so that the ratio is what the channel costs, not what a second process gains.
HTTP is left out, which would hide that cost: with it, both rounds would take several times as long.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import click

from benchmarks.decode_frames import sample_frame
from benchmarks.forwarding_node import Done, Introduced, Round, node
from benchmarks.rounds import in_turn, machine, ratio, spread

NAMES = ("a", "b")
REACH = 0.7


class Nodes:
    """Two processes, and who lives where."""

    def __init__(self, pipes: dict[str, Connection]) -> None:
        """Introduce them to each other."""
        self._pipes = pipes
        self._introduced: dict[str, Introduced] = {name: pipe.recv() for name, pipe in pipes.items()}
        members = [one.member for one in self._introduced.values()]
        for pipe in pipes.values():
            pipe.send(members)
        self.cpu_us: dict[str, list[float]] = {"local": [], "forwarded": []}

    def round(self, kind: str, warm_s: float, seconds: float) -> float:
        """Frames a second of both together."""
        for name, pipe in self._pipes.items():
            owner = name if kind == "local" else next(other for other in NAMES if other != name)
            pipe.send(Round(owner, self._introduced[owner].people, warm_s, seconds))
        done: list[Done] = [pipe.recv() for pipe in self._pipes.values()]
        frames = sum(one.frames for one in done)
        self.cpu_us[kind].append(1e6 * sum(one.cpu_s for one in done) / frames)
        return frames / seconds


@contextmanager
def two_nodes(people: int) -> Iterator[Nodes]:
    """Start both, and end both."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        pipes, processes = {}, []
        for name in NAMES:
            pipes[name], theirs = context.Pipe()
            (Path(folder) / name).mkdir()
            arguments = (name, Path(folder) / name, people, sample_frame(), theirs)
            processes.append(context.Process(target=node, args=arguments, daemon=True))
            processes[-1].start()
        try:
            yield Nodes(pipes)
            for pipe in pipes.values():
                pipe.send(None)
            for process in processes:
                process.join(20.0)
        finally:
            for process in processes:
                process.kill()


@click.command()
@click.option("--people", default=128, show_default=True, help="How many send at the same time, on each node.")
@click.option("--seconds", default=3.0, show_default=True, help="Length of a round.")
@click.option("--warm", default=1.0, show_default=True, help="Seconds before it.")
@click.option("--rounds", default=5, show_default=True, help="Rounds of each kind, in turn.")
def main(people: int, seconds: float, warm: float, rounds: int) -> None:
    """Print frames a second of both kinds, and their ratio."""
    print(machine())
    with two_nodes(people) as nodes:
        sides: dict[str, Callable[[], float]] = {
            kind: partial(nodes.round, kind, warm, seconds) for kind in ("local", "forwarded")
        }
        rates = in_turn(sides, rounds)
        for kind in sides:
            print(f"{kind:10} frames/s of both nodes {spread(rates[kind])}")
        for kind in sides:
            print(f"{kind:10} processor time a frame, us {spread(nodes.cpu_us[kind])}")
        print(f"forwarded / local: {ratio(rates['forwarded'], rates['local'])} of the frames a second (reach {REACH})")
        print(f"local / forwarded: {ratio(nodes.cpu_us['local'], nodes.cpu_us['forwarded'])} of the processor time")


if __name__ == "__main__":
    main()
