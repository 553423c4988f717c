"""Published models: which there are, their signed manifests, their blobs, the keys that signed them."""

from __future__ import annotations

from aiohttp import web
from kinelog.api.call import Call
from kinelog.api.entity_tags import has_it
from kinelog.api.json_body import JSON, json_response
from kinelog.api.model_documents import ModelDocument, ModelKeyDocument, ModelKeyList, ModelList
from kinelog.api.model_parameters import blob_hash, scope_of
from kinelog.api.model_shelf import Shelved
from kinelog.api.problems import ProblemError
from kinelog.domain.states import PublishedModel, TenantState
from kinelog.registry.scope import JOINED_BY
from kinelog.registry.signing import PublicKey

SIGNATURE_HEADER = "Kinelog-Signature"

# Answers depend on the tenant of the token, so nobody in between may keep them.
_ASK_AGAIN = "private, no-cache"
_FOR_EVER = "private, max-age=31536000, immutable"


async def list_models(call: Call) -> web.StreamResponse:
    """The newest version of each of the tenant's models."""
    state = await call.context.authentication.tenant(call.principal.tenant)
    return json_response(ModelList(models=tuple(model_documents(state))))


def model_documents(state: TenantState) -> list[ModelDocument]:
    """The tenant's models as clients see them, in order."""
    found = (entry for bucket in state.models.buckets.values() for entry in bucket.items())
    return [_document(scope, model) for scope, model in sorted(found, key=lambda entry: entry[0])]


def _document(scope: str, model: PublishedModel) -> ModelDocument:
    cluster, _, sensors = scope.partition("/")
    return ModelDocument(
        cluster=cluster, sensors=tuple(sensors.split(JOINED_BY)), version=model.version,
        manifest=f"/v1/models/{scope}", manifest_sha256=model.manifest, blob=f"/v1/blobs/sha256:{model.blob}",
        published_at_ms=model.published_at_ms,
    )  # fmt: skip


async def get_manifest(call: Call) -> web.StreamResponse:
    """The signed manifest of the newest version: exactly the bytes that were signed."""
    scope = scope_of(call)
    shelf = call.context.shelf
    shelved = shelf.champion(scope)
    if shelved is None:
        shelved = await call.context.blocking(shelf.read_champion, scope)
        if shelved is None:
            raise ProblemError("model-unknown", "No model was published for this cluster and these sensors.")
        shelf.keep_champion(scope, shelved)
    return _manifest_answer(call, shelved)


def _manifest_answer(call: Call, shelved: Shelved) -> web.Response:
    headers = {"ETag": shelved.etag, SIGNATURE_HEADER: shelved.signature, "Cache-Control": _ASK_AGAIN}
    if has_it(call.request, shelved.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=shelved.manifest, content_type=JSON, headers=headers)


async def get_blob(call: Call) -> web.StreamResponse:
    """The bytes of a model that a manifest of the tenant's names."""
    tenant, sha256 = call.principal.tenant, blob_hash(call)
    shelf = call.context.shelf
    blob = shelf.blob(tenant, sha256)
    if blob is None:
        blob = await call.context.blocking(shelf.read_blob, tenant, sha256)
        if blob is None:
            raise ProblemError("blob-unknown")
        shelf.keep_blob(tenant, sha256, blob)
    headers = {"ETag": f'"{sha256}"', "Cache-Control": _FOR_EVER}
    if has_it(call.request, headers["ETag"]):
        return web.Response(status=304, headers=headers)
    return web.Response(body=blob, content_type="application/octet-stream", headers=headers)


async def list_model_keys(call: Call) -> web.StreamResponse:
    """The keys that manifests are signed with: for a phone that trusts one of them, and follows their endorsements."""
    keys = await call.context.blocking(call.context.services.models.keys)
    return json_response(ModelKeyList(keys=tuple(_key_document(key) for key in keys)))


def _key_document(key: PublicKey) -> ModelKeyDocument:
    endorsement = None if key.endorsement is None else key.endorsement.header
    return ModelKeyDocument(key_id=key.key_id, public=key.text, endorsement=endorsement)
