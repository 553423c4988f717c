"""What a cluster can answer but success, told apart by what the caller may do next."""

from __future__ import annotations


class CassandraError(Exception):
    """Base of all errors of the cluster."""


class UnreachableError(CassandraError):
    """The cluster, or too many replicas, do not answer. Nothing was written: the statement may be tried again."""


class UnknownWriteError(CassandraError):
    """A write may have been applied, or may yet be: nothing can be concluded before a later write excludes it."""


class RefusedStatementError(CassandraError):
    """The cluster refuses the statement: too large, not allowed, or about what is not there. Nothing was written."""


class MissingTableError(RefusedStatementError):
    """The table or keyspace does not exist (any more)."""


class AddressError(CassandraError):
    """The address of a cluster cannot be understood; the message names the part."""


class SchemaError(CassandraError):
    """The schema in the cluster is not the one that this code needs; the message says what to do."""
