"""The secret that all nodes of a cluster share, and what is derived from it. It is never shown and never sent."""

from __future__ import annotations

import hmac
from hashlib import sha256

from kinelog.routing.errors import SecretError
from typing_extensions import override

SECRET_BYTES = 32
"""A shorter secret could be found by trying, from one recorded handshake."""


class ClusterSecret:
    """Makes and checks proofs that somebody knows the secret."""

    __slots__ = ("_key",)

    def __init__(self, secret: bytes) -> None:
        """Use this secret.

        Raises:
            SecretError: It is shorter than 32 bytes.
        """
        if len(secret) < SECRET_BYTES:
            message = f"the cluster's secret has {len(secret)} bytes, at least {SECRET_BYTES} are needed"
            raise SecretError(message)
        # Hashed once: its length then says nothing, and a long one costs no more than a short one.
        self._key = sha256(b"kinelog cluster secret\0" + secret).digest()

    @override
    def __repr__(self) -> str:
        """Without the secret."""
        return "ClusterSecret(…)"

    def proof(self, purpose: str, transcript: bytes) -> bytes:
        """32 bytes that only who knows the secret can make, for one purpose and one conversation."""
        return hmac.digest(self._key, purpose.encode() + b"\0" + transcript, "sha256")

    def proves(self, proof: bytes, purpose: str, transcript: bytes) -> bool:
        """Whether this is that proof, in a time that does not tell where it differs."""
        return hmac.compare_digest(proof, self.proof(purpose, transcript))
