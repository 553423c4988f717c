"""One Parquet file of examples: written and read through pyarrow, which no other module imports."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from kinelog.ml.examples import SetExample

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("person", pa.string(), nullable=False),
        pa.field("session", pa.string(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("fine", pa.string()),
        pa.field("sites", pa.list_(pa.string()), nullable=False),
        pa.field("samples", pa.binary(), nullable=False),
        pa.field("start_row", pa.int32(), nullable=False),
        pa.field("end_row", pa.int32(), nullable=False),
        pa.field("source_rate_hz", pa.float64(), nullable=False),
        pa.field("age_group", pa.string()),
        pa.field("sex", pa.string()),
        pa.field("proficiency", pa.string()),
    ]
)
"""Columns of a file; `samples` holds little-endian int16, row by row, 3 * sites in each."""


class ExampleFileError(Exception):
    """A file that is not one of ours, or is damaged; the message names it."""


def write_examples(path: Path, examples: Iterable[SetExample]) -> None:
    """Write a file that only its owner may read.

    Raises:
        OSError: The disk refuses.
    """
    rows = [
        {name: getattr(example, name) for name in SCHEMA.names if name not in {"samples", "sites"}}
        | {"sites": list(example.sites), "samples": np.ascontiguousarray(example.samples, dtype="<i2").tobytes()}
        for example in examples
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        pq.write_table(table, out, compression="zstd", write_page_checksum=True)


def read_examples(path: Path) -> list[SetExample]:
    """Read a file.

    Raises:
        ExampleFileError: It is none of ours, or is damaged.
    """
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
        if not table.schema.equals(SCHEMA):
            raise ExampleFileError(f"{path}: its columns are not those of examples")
        return [_example(row) for row in table.to_pylist()]
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise ExampleFileError(f"{path}: {error}") from error


def _example(row: dict[str, object]) -> SetExample:
    sites, samples = row["sites"], row["samples"]
    if not isinstance(sites, list) or not isinstance(samples, bytes):
        raise TypeError("sites or samples are missing")
    values = np.frombuffer(samples, dtype="<i2").astype(np.int16).reshape(-1, 3 * len(sites))
    made: dict[str, object] = {**row, "sites": tuple(sites), "samples": values}
    return SetExample(**made)  # type: ignore[arg-type]  # the file's schema says which type each field has
