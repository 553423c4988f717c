"""Secrets that the service hands out once and keeps only as hashes: tokens, refresh tokens, pairing codes."""

from __future__ import annotations

import hashlib
import re
import secrets

from kinelog.domain.identifiers import TENANT_PATTERN

TOKEN_PREFIX = "kl"  # noqa: S105 - the public prefix of every token, not a secret
REFRESH_PREFIX = "klr"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_CHARACTERS = 8
MAX_SECRET_CHARACTERS = 256

_SECRET = re.compile(
    rf"(?P<prefix>klr?)\.(?P<tenant>{TENANT_PATTERN.pattern})\.(?P<token_id>[A-Za-z0-9_-]{{1,64}})\.[A-Za-z0-9_-]{{43}}"
)
_CODE = re.compile(rf"(?P<tenant>{TENANT_PATTERN.pattern})-[{CROCKFORD}]{{{CODE_CHARACTERS}}}")
# what people read for another character, as Crockford's base32 has it
_MISREAD = str.maketrans({"I": "1", "L": "1", "O": "0"})


def new_token_id() -> str:
    """A public name for a token."""
    return secrets.token_hex(8)


def new_token(tenant: str, token_id: str) -> str:
    """A bearer token: 256 random bits behind its tenant and public name."""
    return f"{TOKEN_PREFIX}.{tenant}.{token_id}.{secrets.token_urlsafe(32)}"


def new_refresh_token(tenant: str, token_id: str) -> str:
    """A refresh token: works once, for the token of this name."""
    return f"{REFRESH_PREFIX}.{tenant}.{token_id}.{secrets.token_urlsafe(32)}"


def new_pairing_code(tenant: str) -> str:
    """A code that a person can type: 40 random bits, valid for minutes and once."""
    return f"{tenant}-{''.join(secrets.choice(CROCKFORD) for _ in range(CODE_CHARACTERS))}"


def hash_of(secret: str) -> str:
    """What is kept of a secret: SHA-256, hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def tenant_and_id(secret: str, prefix: str) -> tuple[str, str] | None:
    """Tenant and token id that a token (or refresh token) names, or None if it does not look like one."""
    if len(secret) > MAX_SECRET_CHARACTERS:
        return None
    match = _SECRET.fullmatch(secret)
    if match is None or match["prefix"] != prefix:
        return None
    return match["tenant"], match["token_id"]


def tenant_and_code(typed: str) -> tuple[str, str] | None:
    """Tenant of a typed pairing code, and the code as it was made, or None if it does not look like one."""
    if len(typed) > MAX_SECRET_CHARACTERS:
        return None
    tenant, dash, characters = typed.strip().rpartition("-")
    code = tenant.lower() + dash + characters.upper().translate(_MISREAD)
    match = _CODE.fullmatch(code)
    return None if match is None else (match["tenant"], code)
