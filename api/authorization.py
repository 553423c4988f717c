"""What each role may do: the one table, and whom a request is about.

A person's own device may do anything about that person and nothing about anybody else, whose existence it must not
even learn: it is told 404 where an operator would be told 403.
"""

from __future__ import annotations

from enum import StrEnum

from kinelog.domain.values import Role

_DEVICE = Role.DEVICE
_OWNER = Role.OWNER
_TRAINER = Role.TRAINER
_FRONT_DESK = Role.FRONT_DESK
_ENGINEER = Role.ENGINEER


class Permission(StrEnum):
    """Things one may be allowed to do."""

    INGEST = "ingest"
    LABEL = "label"
    READ_TRAINING = "read-training"
    READ_FRAMES = "read-frames"
    DELETE_TRAINING = "delete-training"
    ENROL = "enrol"
    READ_PERSON = "read-person"
    CHANGE_PERSON = "change-person"
    CONSENT = "consent"
    PAIR = "pair"
    EXPORT = "export"
    ERASE = "erase"
    READ_PLACES = "read-places"
    CHANGE_PLACES = "change-places"
    WATCH_PLACE = "watch-place"
    READ_FIGURES = "read-figures"
    TOKENS = "tokens"
    DECODE = "decode"
    READ_MODELS = "read-models"
    WEBHOOK = "webhook"

    @property
    def roles(self) -> frozenset[Role]:
        """Who is allowed."""
        return ROLES[self]


ROLES: dict[Permission, frozenset[Role]] = {
    Permission.INGEST: frozenset({_DEVICE, _OWNER}),
    Permission.LABEL: frozenset({_DEVICE, _OWNER, _TRAINER}),
    Permission.READ_TRAINING: frozenset({_DEVICE, _OWNER, _TRAINER}),
    Permission.READ_FRAMES: frozenset({_DEVICE, _OWNER, _TRAINER, _ENGINEER}),
    Permission.DELETE_TRAINING: frozenset({_DEVICE, _OWNER}),
    Permission.ENROL: frozenset({_OWNER, _FRONT_DESK}),
    Permission.READ_PERSON: frozenset({_DEVICE, _OWNER, _FRONT_DESK}),
    Permission.CHANGE_PERSON: frozenset({_DEVICE, _OWNER}),
    Permission.CONSENT: frozenset({_DEVICE, _OWNER}),
    Permission.PAIR: frozenset({_DEVICE, _OWNER, _FRONT_DESK}),
    Permission.EXPORT: frozenset({_DEVICE, _OWNER}),
    Permission.ERASE: frozenset({_DEVICE, _OWNER}),
    Permission.READ_PLACES: frozenset(Role),
    Permission.CHANGE_PLACES: frozenset({_OWNER}),
    Permission.WATCH_PLACE: frozenset({_OWNER, _TRAINER, _FRONT_DESK}),
    Permission.READ_FIGURES: frozenset({_OWNER, _TRAINER, _FRONT_DESK, _ENGINEER}),
    Permission.TOKENS: frozenset({_OWNER}),
    Permission.DECODE: frozenset(Role),
    Permission.READ_MODELS: frozenset(Role),
    Permission.WEBHOOK: frozenset({_OWNER}),
}
