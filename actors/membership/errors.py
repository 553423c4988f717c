"""What joining a group of processes can fail at."""

from __future__ import annotations


class MembershipError(Exception):
    """Base of all errors of this package."""
