"""What each role may do: the one table, and whom a request is about.

A person's own device may do anything about that person and nothing about anybody else, whose existence it must not
even learn: it is told 404 where an operator would be told 403.
"""

from __future__ import annotations

from enum import Enum

from kinelog.domain.values import Role

_DEVICE = Role.DEVICE
_OWNER = Role.OWNER
_TRAINER = Role.TRAINER
_FRONT_DESK = Role.FRONT_DESK
_ENGINEER = Role.ENGINEER


class Permission(Enum):
    """Things one may be allowed to do, and the roles that are."""

    INGEST = frozenset({_DEVICE, _OWNER})
    LABEL = frozenset({_DEVICE, _OWNER, _TRAINER})
    READ_TRAINING = frozenset({_DEVICE, _OWNER, _TRAINER})
    READ_FRAMES = frozenset({_DEVICE, _OWNER, _TRAINER, _ENGINEER})
    DELETE_TRAINING = frozenset({_DEVICE, _OWNER})
    ENROL = frozenset({_OWNER, _FRONT_DESK})
    READ_PERSON = frozenset({_DEVICE, _OWNER, _FRONT_DESK})
    CHANGE_PERSON = frozenset({_DEVICE, _OWNER})
    CONSENT = frozenset({_DEVICE, _OWNER})
    PAIR = frozenset({_DEVICE, _OWNER, _FRONT_DESK})
    EXPORT = frozenset({_DEVICE, _OWNER})
    ERASE = frozenset({_DEVICE, _OWNER})
    READ_PLACES = frozenset(Role)
    CHANGE_PLACES = frozenset({_OWNER})
    WATCH_PLACE = frozenset({_OWNER, _TRAINER, _FRONT_DESK})
    READ_FIGURES = frozenset({_OWNER, _TRAINER, _FRONT_DESK, _ENGINEER})
    TOKENS = frozenset({_OWNER})
    DECODE = frozenset(Role)

    @property
    def roles(self) -> frozenset[Role]:
        """Who is allowed."""
        return self.value

    def allows(self, role: Role) -> bool:
        """Whether this role is allowed."""
        return role in self.value
