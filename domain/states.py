"""States of the three kinds of entity. Immutable; what snapshots store, so each has a `schema` version."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class UserState(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A person (to be completed)."""

    schema: ClassVar[int] = 1

    erased: bool = False


class SessionState(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A session (to be completed)."""

    schema: ClassVar[int] = 1


class TenantState(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A tenant (to be completed)."""

    schema: ClassVar[int] = 1
