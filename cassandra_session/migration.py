"""What a keyspace's schema is made of: numbered steps, each of which says whether it adds or takes away."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import Literal

KeyspaceRole = Literal["log", "keys", "views", "models"]
"""Which of the four keyspaces of a deployment."""


class Phase(Enum):
    """What a migration does to processes that know the schema without it.

    `EXPAND` adds tables and columns: they go on. `CONTRACT` takes away or changes what they use: it is only applied
    once no process announces that it knows an older schema, and they refuse to start from then on.
    """

    EXPAND = "expand"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step.

    Attributes:
        number: From 1, without gaps; never changed once it was released.
        description: What it is for, in a few words.
        phase: See `Phase`.
        statements: CQL with `{log}`, `{keys}`, `{views}` and `{models}` for the keyspaces. Each can be run again
            (`IF NOT EXISTS`, `IF EXISTS`): an applier that was killed half-way is finished by the next. None depends on
            another one: they are under way together.
    """

    number: int
    description: str
    phase: Phase
    statements: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Tells two migrations of one number apart (16 hex digits)."""
        words = "\0".join(" ".join(statement.split()) for statement in self.statements)
        return hashlib.blake2b(words.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class KeyspaceSchema:
    """All migrations of one keyspace, in order.

    Attributes:
        role: Which keyspace.
        migrations: Numbered from 1 without gaps.
    """

    role: KeyspaceRole
    migrations: tuple[Migration, ...]

    def __post_init__(self) -> None:
        """Refuse gaps in the numbers."""
        numbers = [migration.number for migration in self.migrations]
        if numbers != list(range(1, len(numbers) + 1)):
            raise ValueError(f"migrations of {self.role} are numbered {numbers}")

    @property
    def version(self) -> int:
        """Number of the newest migration."""
        return len(self.migrations)
