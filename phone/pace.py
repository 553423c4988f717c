"""When something of a script is due on the wall clock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """Plays a script's clock faster or slower than it was written, from the moment this is made.

    Attributes:
        origin_ms: The script's time that is now.
        speed: Seconds of script a second.
    """

    origin_ms: int
    speed: float
    _began: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def is_ahead(self, due_ms: int) -> bool:
        """Whether this lies in the future."""
        return self._left_s(due_ms) > 0

    async def until(self, due_ms: int) -> None:
        """Wait for it; what is overdue is not waited for."""
        await asyncio.sleep(max(0.0, self._left_s(due_ms)))

    def _left_s(self, due_ms: int) -> float:
        elapsed = asyncio.get_running_loop().time() - self._began
        return (due_ms - self.origin_ms) / 1000 / self.speed - elapsed
