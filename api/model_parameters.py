"""Parameters of the routes about models."""

from __future__ import annotations

import re

from kinelog.api.call import Call
from kinelog.api.parameters import Parameter
from kinelog.api.problems import invalid_parameter
from kinelog.registry.errors import ScopeError
from kinelog.registry.scope import JOINED_BY, NAME, Scope

_SENSORS = rf"{NAME.pattern}(?:\+{NAME.pattern}){{0,15}}"
_SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST = 800

CLUSTER = Parameter(
    "cluster", "path", "Name of the cluster of people.", {"type": "string", "pattern": f"^{NAME.pattern}$"},
    required=True, example="all",
)  # fmt: skip
SENSORS = Parameter(
    "sensors", "path", "Where sensors are worn, joined by `+`, in the order of the model's windows.",
    {"type": "string", "pattern": f"^{_SENSORS}$"}, required=True, example="left-wrist",
)  # fmt: skip
BLOB = Parameter(
    "hex", "path", "SHA-256 of the bytes.", {"type": "string", "pattern": f"^{_SHA256.pattern}$"}, required=True,
    example="0" * 64,
)  # fmt: skip


def scope_of(call: Call) -> Scope:
    """The scope that the path names, in the token's tenant.

    Raises:
        ProblemError: `invalid-parameter`.
    """
    cluster, sensors = call.part("cluster"), call.part("sensors")
    if len(cluster) + len(sensors) > LONGEST:
        raise invalid_parameter("sensors", f"Cluster and sensors have at most {LONGEST} characters.")
    try:
        return Scope(call.principal.tenant, cluster, tuple(sensors.split(JOINED_BY)))
    except ScopeError as error:
        raise invalid_parameter(error.field, error.reason) from error


def blob_hash(call: Call) -> str:
    """The hash that the path names.

    Raises:
        ProblemError: `invalid-parameter`.
    """
    text = call.part("hex")
    if _SHA256.fullmatch(text) is None:
        raise invalid_parameter("hex", "A SHA-256 as 64 hexadecimal digits in lower case.")
    return text
