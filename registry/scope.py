"""What a model is for: one tenant, one cluster of people, one combination of sensors."""

from __future__ import annotations

import re
from typing import Self

import msgspec
from kinelog.device.sites import RepeatedSiteError, UnknownSiteError, in_order
from kinelog.registry.errors import ScopeError

TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
JOINED_BY = "+"


class Scope(msgspec.Struct, frozen=True, order=True):
    """A tenant's cluster and combination of sensors: each has versions 1, 2, 3 … of its model.

    Attributes:
        tenant: Whose people; no model is ever served to another tenant.
        cluster: Name of the cluster of people.
        sensors: Names of sites, each once, in the order in which windows hold them (`kinelog.device.sites`).

    Raises:
        ScopeError: A name is not written as names are, or the sensors are not in order.
    """

    tenant: str
    cluster: str
    sensors: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what no address could name."""
        if not TENANT.fullmatch(self.tenant):
            raise ScopeError("tenant", f"{self.tenant!r}: 1 to 32 of a-z, 0-9 and -, a dash at neither end")
        if not NAME.fullmatch(self.cluster):
            raise ScopeError("cluster", f"{self.cluster!r}: 1 to 48 of a-z, 0-9 and -, a dash at neither end")
        try:
            ordered = in_order(self.sensors)
        except (UnknownSiteError, RepeatedSiteError) as error:
            raise ScopeError("sensors", str(error).removeprefix("sensors: ")) from error
        if ordered != self.sensors:
            raise ScopeError("sensors", f"{self.joined}: in the order of windows they are {JOINED_BY.join(ordered)}")

    @property
    def joined(self) -> str:
        """The sensors as they stand in an address: `left-wrist+chest`."""
        return JOINED_BY.join(self.sensors)

    @property
    def path(self) -> str:
        """Names the scope in one line: `tenant/cluster/left-wrist+chest`. No two scopes have the same."""
        return f"{self.tenant}/{self.cluster}/{self.joined}"

    @classmethod
    def parse(cls, path: str) -> Self:
        """The scope that `path` names.

        Raises:
            ScopeError: It names none.
        """
        parts = path.split("/")
        if len(parts) != 3:
            raise ScopeError("scope", f"{path!r}: write TENANT/CLUSTER/SENSOR+SENSOR")
        return cls(parts[0], parts[1], tuple(parts[2].split(JOINED_BY)))
