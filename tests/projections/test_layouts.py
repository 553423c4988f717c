"""The layouts and the CQL of the package keep to the rules that make several writers, and every reader, harmless."""

from __future__ import annotations

import re
from pathlib import Path

import kinelog.projections.cassandra
import pytest
from kinelog.projections.cassandra.layout import Forgetting, QueryTable
from kinelog.projections.cassandra.layouts import ALL_TABLES, LAYOUTS
from kinelog.projections.views import ALL_VIEWS

FORBIDDEN = re.compile(
    r"allow\s+filtering|create\s+(custom\s+)?index|\bcounter\b(?=[^a-z]*(,|\)))|using\s+ttl|and\s+ttl|default_time_to_live"
    r"|materialized\s+view|now\(\)|totimestamp",
    re.IGNORECASE,
)
ROOTS = [Path(path) for path in kinelog.projections.cassandra.__path__]
STATEMENT = re.compile(r'"(?:[^"\n]*)\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE)\b[^"]*"')


def statements() -> list[tuple[str, str]]:
    """Every piece of text in the package that looks like CQL, with its file."""
    found = []
    for root in ROOTS:
        for path in sorted(root.rglob("*.py")):
            found += [(path.name, text) for text in STATEMENT.findall(path.read_text())]
    return found


def test_no_statement_filters_scans_expires_or_asks_a_clock() -> None:
    assert len(statements()) > 10
    assert [(name, text) for name, text in statements() if FORBIDDEN.search(text)] == []
    for text in (
        "SELECT a FROM b ALLOW  FILTERING",
        "CREATE INDEX x",
        "INSERT … USING TTL 5",
        "CREATE TABLE (n counter)",
    ):
        assert FORBIDDEN.search(text)


def test_no_column_is_a_counter() -> None:
    kinds = {kind for table in ALL_TABLES for _, kind in table.columns}
    assert kinds <= {"text", "bigint", "int", "double", "boolean", "blob"}


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_a_table_is_keyed_by_columns_that_it_has_and_by_tenant(table: QueryTable) -> None:
    names = [name for name, _ in table.columns]
    assert len(set(names)) == len(names)
    assert set(table.key) <= set(names)
    assert table.partition[0] == "tenant"
    assert (table.of_record is None) != (table.of_columns is None)
    if table.forgetting is Forgetting.PARTITION:  # the partition is nobody else's
        assert {"tenant", "person", "session"} <= set(table.partition)
    if table.forgetting is Forgetting.SEARCH:
        assert "entity" in names
    if table.block_positions is not None:
        assert {"shard", "block"} <= set(table.partition)


def test_every_table_shows_a_table_of_a_fold_and_has_a_name_of_its_own() -> None:
    sources = {table.name for view in ALL_VIEWS for table in view.tables}
    assert LAYOUTS.keys() <= sources
    names = [table.name for table in ALL_TABLES]
    assert len(set(names)) == len(names)
