"""`python -m tests.device.fuzzing`: damaged blobs for the C evaluator under its sanitizers, as long as is wanted."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import click
from kinelog.device.blob import FrontEnd, ModelBlob, pack_blob

from tests.device.built import ROOT, SANITIZED, SOURCES, STRICT, build
from tests.device.made_models import made_model


def models() -> list[ModelBlob]:
    """One of each kind, small, so that damage meets structure."""
    return [
        made_model(FrontEnd.RAW, 1, [], [3], outputs=3, labels=2),
        made_model(FrontEnd.RAW, 1, [(2, 5, 3), (3, 4, 2)], [3], outputs=4, labels=4),
        made_model(FrontEnd.FEATURES, 2, [], [4, 3], outputs=3, labels=3, masked=True),
        made_model(FrontEnd.BOTH, 1, [(2, 3, 4)], [], outputs=6, labels=2, masked=True),
    ]


def fuzz(folder: Path, cases: int, seed: int) -> str:
    """Build the fuzzer in a folder and run it.

    Returns:
        What it printed.

    Raises:
        AssertionError: A sanitizer, or the fuzzer itself, saw a broken promise.
    """
    sources = [ROOT / "tests/device/fuzz_blobs.c", SOURCES / "kinelog_model.c"]
    program = build(folder / "fuzz_blobs", sources, (*STRICT, *SANITIZED))
    blobs = []
    for number, model in enumerate(models()):
        blobs.append(folder / f"blob{number}")
        blobs[-1].write_bytes(pack_blob(model))
    done = subprocess.run([program, str(cases), str(seed), *blobs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip()


@click.command()
@click.option("--cases", default=2_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(cases: int, seed: int) -> None:
    """Fuzz, and say how many of the damaged blobs were still models."""
    with tempfile.TemporaryDirectory() as folder:
        click.echo(fuzz(Path(folder), cases, seed))


if __name__ == "__main__":
    main()
