"""A phone's model: asked for by ETag, believed only when everything about it is right, kept when anything is not.

Trust begins with keys that are pinned in the app. A key that the service offers counts only if one of them, or one that
follows from them, has endorsed it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

import msgspec
from kinelog.phone.credentials import Credentials
from kinelog.phone.problems import NotFoundError, PhoneError
from kinelog.phone.transport import Answer, Request
from kinelog.registry.checking import CheckedModel, check_manifest
from kinelog.registry.errors import KeyFormatError, ManifestError
from kinelog.registry.manifest import BLOB_BYTES, MANIFEST_BYTES, Manifest, read_manifest
from kinelog.registry.scope import JOINED_BY, Scope
from kinelog.registry.signing import PublicKey, Signature, require_signature, trusted_keys

SIGNATURE_HEADER = "Kinelog-Signature"
KEYS_BYTES = 1 << 16


class OfferedKey(msgspec.Struct, frozen=True):
    """A key as the service tells it."""

    public: str
    endorsement: str | None = None


class OfferedKeys(msgspec.Struct, frozen=True):
    """All of them."""

    keys: tuple[OfferedKey, ...]


@dataclass(frozen=True, slots=True)
class HeldModel:
    """A model that was believed, with all that it takes to believe it again.

    Attributes:
        etag: By which the service knows whether there is a newer one.
        manifest: The bytes that were signed.
        signature: Over them.
        blob: The bytes of the model.
        checked: What they say.
    """

    etag: str
    manifest: bytes
    signature: Signature
    blob: bytes
    checked: CheckedModel

    @property
    def version(self) -> int:
        """Which version it is."""
        return self.checked.manifest.version


class Outcome(StrEnum):
    """What a poll came to; in all cases but `UPDATED` the phone goes on with what it has."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    NONE = "none"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Polled:
    """The outcome of a poll, and for a model that was refused or not reached the reason."""

    outcome: Outcome
    reason: str = ""


class ModelFetch:
    """Keeps one model up to date."""

    def __init__(
        self, credentials: Credentials, pinned: Iterable[PublicKey], scope: Scope, held: HeldModel | None = None
    ) -> None:
        """Ask with a device's tokens.

        Args:
            credentials: The device's.
            pinned: Keys that came with the app.
            scope: Tenant, cluster and sensors: a model for anybody else is refused, whoever signed it.
            held: What the phone has from before, as `restored` gives it.
        """
        self._credentials = credentials
        self._trusted = list(pinned)
        self._scope = scope
        self.held = held

    async def poll(self) -> Polled:
        """Look for a newer model; it is held from then on if everything about it is right."""
        try:
            return await self._poll()
        except NotFoundError:
            return Polled(Outcome.NONE)
        except (ManifestError, KeyFormatError) as error:
            return Polled(Outcome.REFUSED, str(error))
        except PhoneError as error:
            return Polled(Outcome.UNREACHABLE, str(error))

    async def _poll(self) -> Polled:
        held = self.held
        path = f"/v1/models/{quote(self._scope.cluster)}/{quote(JOINED_BY.join(self._scope.sensors), safe='+')}"
        headers = {} if held is None else {"If-None-Match": held.etag}
        answer = await self._get(path, MANIFEST_BYTES, headers)
        if answer.status == 304:
            return Polled(Outcome.UNCHANGED)
        signature = Signature.parse(answer.headers.get(SIGNATURE_HEADER, ""))
        manifest = await self._believed(answer.body, signature)
        blob = await self._blob(manifest)
        checked = check_manifest(answer.body, signature, self._trusted, blob)
        self.held = HeldModel(answer.headers.get("ETag", ""), answer.body, signature, blob, checked)
        return Polled(Outcome.UPDATED)

    async def _believed(self, data: bytes, signature: Signature) -> Manifest:
        """The manifest in these bytes, if it was signed and is for this phone."""
        if all(key.key_id != signature.key_id for key in self._trusted):
            self._trusted = trusted_keys(self._trusted, await self._offered_keys())
        require_signature(self._trusted, data, signature)
        manifest = read_manifest(data)
        require_for(self._scope, manifest)
        # A version that was signed once stays signed: without this, whoever is in between could bring back an old one.
        if self.held is not None and manifest.version <= self.held.version:
            raise ManifestError("version", f"{manifest.version} is not newer than {self.held.version}, which is held")
        return manifest

    async def _blob(self, manifest: Manifest) -> bytes:
        held = self.held
        if held is not None and held.checked.manifest.weights.sha256 == manifest.weights.sha256:
            return held.blob  # a rollback of a rollback, or new words about the same model
        return (await self._get(f"/v1/blobs/sha256:{manifest.weights.sha256}", BLOB_BYTES)).body

    async def _offered_keys(self) -> list[PublicKey]:
        answer = await self._get("/v1/model-keys", KEYS_BYTES)
        try:
            offered = msgspec.json.decode(answer.body, type=OfferedKeys).keys
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise KeyFormatError("the service's keys cannot be read") from error
        return [_key(key) for key in offered]

    async def _get(self, path: str, most_bytes: int, headers: dict[str, str] | None = None) -> Answer:
        return await self._credentials.exchange(Request("GET", path, headers=headers or {}, most_bytes=most_bytes))


def _key(offered: OfferedKey) -> PublicKey:
    endorsement = None if offered.endorsement is None else Signature.parse(offered.endorsement)
    return PublicKey(PublicKey.parse(offered.public).public, endorsement)


def require_for(scope: Scope, manifest: Manifest) -> None:
    """Refuse a manifest that is for another tenant, cluster or combination of sensors.

    Raises:
        ManifestError: It is.
    """
    for field, said, wanted in (
        ("tenant", manifest.tenant, scope.tenant),
        ("cluster", manifest.cluster, scope.cluster),
        ("sensors", JOINED_BY.join(manifest.sensors), scope.joined),
    ):
        if said != wanted:
            raise ManifestError(field, f"{said}, but {wanted} was asked for")
