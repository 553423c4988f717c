"""`kinelog model`: `list`, `show` and `verify`; the other commands are in modules beside this one."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from kinelog.registry.scope import Scope
from kinelog.registry.store import ModelStore
from kinelog.service.commands import model_publishing
from kinelog.service.commands.model_key import command as key_command
from kinelog.service.commands.model_muvr import export_muvr
from kinelog.service.commands.model_sweep import sweep
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.errors import RefusedError
from kinelog.service.model_stores import model_store, published_version
from kinelog.service.options import SCOPE, data_option, json_option, print_result, scope_argument, store_option
from kinelog.service.written_files import write_file

FILE_TO_WRITE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def command() -> None:
    """Published models: what is served, what was, and what it is signed with.

    A SCOPE is TENANT/CLUSTER/SENSORS, for example iron-works/all/left-wrist+chest. Commands work beside a running
    service. Exit codes: 65 what was asked for is not there or cannot be believed, 69 the store does not answer, 75
    somebody else has published meanwhile.
    """


command.add_command(key_command, "key")
for each in (
    model_publishing.publish,
    model_publishing.promote,
    model_publishing.rollback,
    model_publishing.restored,
    model_publishing.copy,
    export_muvr,
    sweep,
):
    command.add_command(each)


@command.command("list")
@data_option
@store_option
@click.option("--tenant", help="Only this tenant's.")
@json_option
def list_(*, data: Path, store: str | None, tenant: str | None, as_json: bool) -> None:
    """List what is served: each scope's champion, and what is kept beside it.

    \b
    Example:
      kinelog model list --data .data
    """
    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        rows = [_row(models, scope) for scope in models.scopes(tenant)]
    lines = [
        f"{row['scope']:40} version {row['version']}"
        + (f" (brought back {row['origin']})" if row["origin"] != row["version"] else "")
        + f"  {row['labels']} labels  {row['bytes']} bytes  {row['created']}"
        + (f"  previous {row['previous']}" if row["previous"] else "")
        + ("  a challenger waits" if row["challenger"] else "")
        for row in rows
    ]
    nothing = f"nothing was published yet for {tenant}" if tenant else "nothing was published yet"
    print_result({"models": rows}, "\n".join(lines) or nothing, as_json=as_json)


def _row(models: ModelStore, scope: Scope) -> dict[str, object]:
    from kinelog.registry.manifest import read_manifest

    champion = models.champion(scope)
    if champion is None:  # `scopes` names only those that have one, and none ever goes away
        raise RefusedError(f"{scope.path} has no model")
    manifest, previous, challenger = read_manifest(champion.manifest), models.previous(scope), models.challenger(scope)
    return {
        "scope": scope.path,
        "version": champion.version,
        "origin": champion.origin,
        "previous": None if previous is None else previous.version,
        "labels": len(manifest.labels),
        "bytes": manifest.weights.bytes,
        "created": manifest.created,
        "fitted_on": manifest.fitted_on,
        "blob": champion.blob,
        "challenger": None if challenger is None or challenger.blob == champion.blob else challenger.blob,
    }


@command.command()
@scope_argument
@click.option("--version", type=int, help="Which version.  [default: the champion]")
@click.option("--manifest-to", type=FILE_TO_WRITE, help="Write the manifest here, byte for byte as it is served.")
@click.option("--blob-to", type=FILE_TO_WRITE, help="Write the blob here.")
@data_option
@store_option
@json_option
def show(
    scope: Scope,
    *,
    version: int | None,
    manifest_to: Path | None,
    blob_to: Path | None,
    data: Path,
    store: str | None,
    as_json: bool,
) -> None:
    """Show one version: its signature and what its manifest says; write out what a phone would get.

    \b
    Example:
      kinelog model show iron-works/all/left-wrist --data .data --blob-to model.bin
    """
    import msgspec
    from kinelog.registry.manifest import read_manifest

    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        found = published_version(models, scope, version)
        manifest = read_manifest(found.manifest)
        blob = models.blob(found.blob)
    for file, content in ((manifest_to, found.manifest), (blob_to, blob)):
        if file is not None:
            write_file(file, content)
    result: dict[str, object] = {
        "scope": scope.path,
        "version": found.version,
        "origin": found.origin,
        "signature": found.signature.header,
        "manifest": msgspec.to_builtins(manifest),
    }
    shown = msgspec.structs.replace(manifest, test_vectors=())
    text = msgspec.json.format(msgspec.json.encode(shown, order="sorted"), indent=2).decode()
    print_result(result, f"signature  {found.signature.header}\n{text}", as_json=as_json)


@command.command()
@click.argument("scopes", type=SCOPE, nargs=-1, metavar="[SCOPE]...")
@click.option("--tenant", help="Only this tenant's.")
@click.option("--champions", is_flag=True, help="Only what is served, not what was.")
@click.option("--public-key", "public_keys", multiple=True, help="Trust this key instead of those the store names.")
@data_option
@store_option
@json_option
def verify(
    scopes: tuple[Scope, ...],
    *,
    tenant: str | None,
    champions: bool,
    public_keys: tuple[str, ...],
    data: Path,
    store: str | None,
    as_json: bool,
) -> None:
    """Check every version that was ever published: signature, hash, structure, and that it computes its test vectors.

    Names what is wrong with which, and then exits with 65. Without SCOPE: all of them.

    \b
    Examples:
      kinelog model verify --data .data
      kinelog model verify iron-works/all/left-wrist --champions --data .data
    """
    from kinelog.registry.auditing import audit
    from kinelog.registry.signing import PublicKey

    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        keys = [PublicKey.parse(text) for text in public_keys] or None
        wanted = list(scopes) or models.scopes(tenant)
        looked_at = list(audit(models, wanted, keys=keys, champions=champions))
    if missing := {scope.path for scope in scopes} - {each.scope.path for each in looked_at}:
        raise RefusedError(f"{', '.join(sorted(missing))}: nothing was published")
    faults = [each for each in looked_at if each.fault is not None]
    result: dict[str, object] = {
        "versions": len(looked_at),
        "faults": [{"scope": each.scope.path, "version": each.version, "fault": each.fault} for each in faults],
    }
    lines = [f"{each.scope.path} version {each.version}: {each.fault}" for each in faults]
    lines.append(f"{len(looked_at)} versions of {len(wanted)} scopes checked, {len(faults)} of them wrong")
    print_result(result, "\n".join(lines), as_json=as_json)
    if faults:
        sys.exit(RefusedError.exit_code)
