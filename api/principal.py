"""Who asks: what a valid token says about its bearer."""

from __future__ import annotations

from dataclasses import dataclass

from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.values import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """The bearer of a valid token.

    Attributes:
        tenant: Whose records they may touch at all.
        role: What they may do there.
        token_id: Public name of their token.
        person: Pseudonym of the person that a device token is bound to, else None.
        device: Device that a device token is bound to, else None.
        by: How events name them.
    """

    tenant: str
    role: Role
    token_id: str
    person: str | None
    device: str | None
    by: str

    @property
    def myself(self) -> Person | None:
        """The person of a device token."""
        return None if self.person is None else Person(self.tenant, self.person)

    @property
    def tenant_person(self) -> Person:
        """The tenant itself, which commands about gyms and tokens are addressed to."""
        return Person(self.tenant, TENANT_PERSON)
