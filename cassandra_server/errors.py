"""What can go wrong here, said so that the reader knows what to do."""

from __future__ import annotations


class CassandraServerError(Exception):
    """A server cannot be provided; the message says why and what to do."""


class MissingProgramError(CassandraServerError):
    """Java or Maven is not on this machine."""


class ServerDiedError(CassandraServerError):
    """A server process ended, or was not ready in time; the message holds the end of its log."""
