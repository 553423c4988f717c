"""What joining a group of processes can fail at."""

from __future__ import annotations


class MembershipError(Exception):
    """Base of all errors of this package."""


class CoordinatorAddressError(MembershipError):
    """The address of the coordinator, or a name in it, is not as it is written."""


class CoordinatorAwayError(MembershipError):
    """The coordinator did not answer: in time, or at all. What was asked may have happened, or may yet."""


class NotPermittedError(MembershipError):
    """The coordinator knows what was asked for, and does not let us: another secret, or none."""


class NoSuchEntryError(MembershipError):
    """What was to be read, changed or held against a condition is not there."""


class EntryExistsError(MembershipError):
    """What was to be made is there already."""


class BadEntryError(MembershipError):
    """What lies at the coordinator is not what a member of any version writes."""
