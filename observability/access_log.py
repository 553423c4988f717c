"""The log of requests: a logger of its own, since its lines are alike on purpose and none of them is left out."""

from __future__ import annotations

ACCESS_LOGGER = "kinelog.access"
