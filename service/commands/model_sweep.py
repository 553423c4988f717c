"""`kinelog model sweep`."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from kinelog.registry.records import Lease
from kinelog.registry.store import ModelStore
from kinelog.registry.sweeping import KEPT_MS, LEASE, LEASE_S
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.model_stores import model_store
from kinelog.service.options import data_option, json_option, print_result, store_option


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@data_option
@store_option
@json_option
def sweep(*, dry_run: bool, data: Path, store: str | None, as_json: bool) -> None:
    """Remove blobs that only populations of earlier nights named; every night does so at its end.

    What was ever published, every challenger and the kept ten of each scope stay, and what was put within a day. Safe
    beside nights and publications.

    \b
    Example:
      kinelog model sweep --dry-run --data .data
    """
    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        before_ms = time.time_ns() // 1_000_000 - KEPT_MS
        if dry_run:
            found = models.unnamed_blobs(before_ms)
        else:
            with _held(models) as lease:
                found = models.remove_unnamed_blobs(before_ms, lease=lease)
    done = "would be removed" if dry_run else "removed"
    lines = [*(f"sha256:{sha256}" for sha256 in found), f"{len(found)} blobs {done}"]
    print_result({"blobs": found, "removed": not dry_run}, "\n".join(lines), as_json=as_json)


@contextmanager
def _held(models: ModelStore) -> Iterator[Lease]:
    lease = models.acquire_lease(LEASE, f"{socket.gethostname()} process {os.getpid()}", LEASE_S)
    try:
        yield lease
    finally:
        models.release(lease)
