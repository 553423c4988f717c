"""What announcing and sending say about themselves; they name no tenant."""

from __future__ import annotations

from prometheus_client import Counter

ANNOUNCED = Counter("kinelog_webhooks_announced", "Publications of models that were looked at and announced")
DELIVERED = Counter("kinelog_webhooks_delivered", "Messages that a tenant's server took")
REFUSED = Counter("kinelog_webhooks_failed_attempts", "Attempts that a tenant's server did not take")
