"""Routes about published models, and about the webhook that tells of them."""

from __future__ import annotations

from kinelog.api import clusters, models, webhook
from kinelog.api import model_documents as answer
from kinelog.api import model_parameters as p
from kinelog.api.authorization import Permission
from kinelog.api.documents import Written
from kinelog.api.parameters import IF_NONE_MATCH, USER
from kinelog.api.requests import WebhookRequest
from kinelog.api.route import HAVE_IT, Answered, Body, Route

_ETAG = {"ETag": "SHA-256 of the bytes, in quotes."}
_SIGNED = _ETAG | {models.SIGNATURE_HEADER: 'ed25519 keyid="…", signature="…": over exactly these bytes.'}

MODEL_ROUTES = (
    Route(
        method="GET", path="/v1/models", operation="listModels", tag="models",
        summary="The newest version of each of the tenant's models.", permission=Permission.READ_MODELS,
        handler=models.list_models, answers=(Answered(200, "The models.", answer.ModelList),),
    ),
    Route(
        method="GET", path="/v1/models/{cluster}/{sensors}", operation="getManifest", tag="models",
        summary="The signed manifest of a model.", permission=Permission.READ_MODELS, handler=models.get_manifest,
        parameters=(p.CLUSTER, p.SENSORS, IF_NONE_MATCH),
        answers=(Answered(200, "Exactly the bytes that were signed.", headers=_SIGNED), HAVE_IT),
        problems=("model-unknown",),
    ),
    Route(
        method="GET", path="/v1/blobs/sha256:{hex}", operation="getBlob", tag="models",
        summary="The bytes of a model; they never change.", permission=Permission.READ_MODELS, handler=models.get_blob,
        parameters=(p.BLOB, IF_NONE_MATCH),
        answers=(Answered(200, "The bytes.", media="application/octet-stream", headers=_ETAG), HAVE_IT),
        problems=("blob-unknown",),
    ),
    Route(
        method="GET", path="/v1/model-keys", operation="listModelKeys", tag="models",
        summary="The keys that manifests are signed with.", permission=Permission.READ_MODELS,
        handler=models.list_model_keys, answers=(Answered(200, "The keys.", answer.ModelKeyList),),
    ),
    Route(
        method="GET", path="/v1/users/{user}/cluster", operation="getCluster", tag="models",
        summary="Which cluster a person is in, and which models are theirs.", permission=Permission.READ_PERSON,
        handler=clusters.get_cluster, parameters=(USER,),
        answers=(Answered(200, "The cluster.", answer.ClusterDocument),), problems=("user-unknown", "user-erased"),
    ),
    Route(
        method="PUT", path="/v1/webhook", operation="putWebhook", tag="models",
        summary="Have the tenant's own server told of every publication.", permission=Permission.WEBHOOK,
        handler=webhook.put_webhook, body=Body(WebhookRequest),
        answers=(Answered(201, "Set.", Written), Answered(200, "It was set so before.", Written)),
        problems=("webhook-invalid",),
    ),
    Route(
        method="GET", path="/v1/webhook", operation="getWebhook", tag="models",
        summary="Where the tenant's server is told, and how that goes.", permission=Permission.WEBHOOK,
        handler=webhook.get_webhook, answers=(Answered(200, "The webhook.", answer.WebhookDocument),),
        problems=("webhook-unknown",),
    ),
    Route(
        method="DELETE", path="/v1/webhook", operation="deleteWebhook", tag="models", summary="Tell nobody any more.",
        permission=Permission.WEBHOOK, handler=webhook.delete_webhook,
        answers=(Answered(200, "Nobody is told.", Written),),
    ),
)  # fmt: skip
