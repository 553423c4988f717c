"""Which request the code at hand works for: what log lines say of it without being told.

Set only in processes that show it (JSON logs, an access log): elsewhere a request costs nothing for this.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class RequestContext:
    """A request on its way.

    Attributes:
        request: Its id, which problems tell the caller too.
        tenant: Whose it is; "" until the token was looked at.
        trace: Id of its trace, where it is traced.
    """

    request: str
    tenant: str = ""
    trace: str = ""


CURRENT: ContextVar[RequestContext | None] = ContextVar("kinelog_request", default=None)
"""The request of this task; None outside of any."""
