"""What can go wrong here, said so that the reader knows what to do."""

from __future__ import annotations


class ZooKeeperServerError(Exception):
    """A server cannot be provided; the message says why and what to do."""


class ServerDiedError(ZooKeeperServerError):
    """A server process ended, or was not ready in time; the message holds the end of its log."""
