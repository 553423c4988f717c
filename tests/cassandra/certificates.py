"""A certificate authority for one test, and what it signs."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID = dt.timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A private key and its certificate, as PEM."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def pem(self) -> bytes:
        """The key (PKCS 8, not encrypted) and the certificate."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + self.certificate.public_bytes(serialization.Encoding.PEM)


class Authority:
    """Signs certificates for addresses."""

    def __init__(self) -> None:
        self._issued = _issue("tests", None, None)

    def certificate(self, path: Path) -> Path:
        """Write the authority's own certificate."""
        path.write_bytes(self._issued.certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(self, path: Path, host: str) -> Path:
        """Write a key and a certificate for an address, in one file."""
        path.write_bytes(_issue(host, ipaddress.ip_address(host), self._issued).pem())
        path.chmod(0o600)
        return path


def _issue(name: str, host: ipaddress.IPv4Address | ipaddress.IPv6Address | None, by: Issued | None) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - VALID)
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(host)]), critical=False)
    return Issued(key, builder.sign(by.key if by else key, hashes.SHA256()))
