"""Which cluster a person is in, from what they say of themselves, and which models are therefore theirs."""

from __future__ import annotations

from aiohttp import web
from kinelog.api.call import Call
from kinelog.api.json_body import json_response
from kinelog.api.model_documents import ClusterDocument, ModelDocument
from kinelog.api.models import model_documents
from kinelog.api.whose import person_named, user_state
from kinelog.domain.states import TenantState
from kinelog.domain.values import Profile
from kinelog.registry.clusters import assigned_cluster, chain_of


async def get_cluster(call: Call) -> web.StreamResponse:
    """The person's cluster and models. Nobody is assigned: a profile that changes is in its new cluster at once."""
    state = await user_state(call, await person_named(call))
    return json_response(
        cluster_document(state.profile, await call.context.authentication.tenant(call.principal.tenant))
    )


def cluster_document(profile: Profile, tenant: TenantState) -> ClusterDocument:
    """For each combination of sensors the model of the finest cluster that the person is in."""
    models = model_documents(tenant)
    cluster = assigned_cluster(profile.age_group, profile.sex, profile.proficiency, {model.cluster for model in models})
    chain = chain_of(cluster)
    nearest: dict[tuple[str, ...], ModelDocument] = {}
    for name in chain:
        for model in models:
            if model.cluster == name:
                nearest.setdefault(model.sensors, model)
    ordered = tuple(nearest[sensors] for sensors in sorted(nearest))
    return ClusterDocument(cluster=cluster, parents=chain[1:], models=ordered)
