"""Whether this process takes requests: readiness, and the order in which it goes away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Lifecycle:
    """Set once, when the process is told to go.

    The order of going: `begin_stopping` (readiness off, so that balancers look elsewhere; live streams end), then the
    runner stops accepting and waits for requests in flight, then the composition root stops the region.
    """

    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def begin_stopping(self) -> None:
        """Be ready no more; idempotent."""
        self.stopping.set()

    @property
    def is_stopping(self) -> bool:
        """Whether the process is going away."""
        return self.stopping.is_set()
