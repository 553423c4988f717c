"""`kinelog model list|show|publish|promote|rollback|verify|export-muvr|key`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click
from kinelog.registry.records import Published
from kinelog.registry.scope import Scope
from kinelog.registry.store import ModelStore
from kinelog.service.commands.model_key import command as key_command
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.errors import CannotCreateError, RefusedError
from kinelog.service.model_stores import model_store, signing_key
from kinelog.service.options import data_option, json_option, print_result, store_option

FILE_TO_READ = click.Path(path_type=Path, dir_okay=False, exists=True)
FILE_TO_WRITE = click.Path(path_type=Path, dir_okay=False)


class ScopeArgument(click.ParamType):
    """`TENANT/CLUSTER/SENSOR+SENSOR`."""

    name = "scope"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Scope:
        """The scope that is named."""
        from kinelog.registry.errors import ScopeError

        try:
            return Scope.parse(str(value))
        except ScopeError as error:
            self.fail(str(error), param, ctx)


def scope_argument(function: Callable[..., None]) -> Callable[..., None]:
    """`SCOPE`."""
    return click.argument("scope", type=ScopeArgument())(function)


@click.group()
def command() -> None:
    """Published models: what is served, what was, and what it is signed with.

    A SCOPE is TENANT/CLUSTER/SENSORS, for example iron-works/all/left-wrist+chest. Commands work beside a running
    service. Exit codes: 65 what was asked for is not there or cannot be believed, 69 the store does not answer, 75
    somebody else has published meanwhile.
    """


command.add_command(key_command, "key")


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
    print_result({"models": rows}, "\n".join(lines) or "nothing was published yet", as_json=as_json)


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
        found = _found(models, scope, version)
        manifest = read_manifest(found.manifest)
        blob = models.blob(found.blob)
    for file, content in ((manifest_to, found.manifest), (blob_to, blob)):
        if file is not None:
            _write(file, content)
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


def _found(models: ModelStore, scope: Scope, version: int | None) -> Published:
    found = models.champion(scope) if version is None else models.version(scope, version)
    if found is None:
        raise RefusedError(f"{scope.path} has no {'model' if version is None else f'version {version}'}")
    return found


@command.command()
@scope_argument
@click.option("--blob", type=FILE_TO_READ, required=True, help="The model.")
@click.option("--draft", type=FILE_TO_READ, required=True, help="JSON: fitted_on, labels, metrics, dataset.")
@click.option("--as-challenger", is_flag=True, help="Keep it beside the champion for `promote`; publish nothing.")
@data_option
@store_option
@json_option
def publish(
    scope: Scope, *, blob: Path, draft: Path, as_challenger: bool, data: Path, store: str | None, as_json: bool
) -> None:
    """Check a model as a phone would, sign it and make it the scope's champion.

    Publishing again what is the champion already changes nothing.

    \b
    Example:
      kinelog model publish iron-works/all/left-wrist --blob model.bin --draft draft.json --data .data
    """
    from kinelog.registry.manifest import read_draft
    from kinelog.registry.publishing import keep_challenger, publish_model

    folder, settings = DataFolder(data), load_settings(data, store=store)
    with model_store(folder, settings, make=True) as models:
        said, weights = read_draft(draft.read_bytes()), blob.read_bytes()
        if as_challenger:
            kept = keep_challenger(models, scope, said, weights)
            print_result({"challenger": kept.blob}, f"kept beside the champion: sha256:{kept.blob}", as_json=as_json)
            return
        done = publish_model(models, signing_key(folder, models), scope, said, weights)
    _print_published(done, as_json=as_json)


@command.command()
@scope_argument
@data_option
@store_option
@json_option
def promote(scope: Scope, *, data: Path, store: str | None, as_json: bool) -> None:
    """Publish the challenger.

    \b
    Example:
      kinelog model promote iron-works/all/left-wrist --data .data
    """
    from kinelog.registry.publishing import promote as promote_model

    folder, settings = DataFolder(data), load_settings(data, store=store)
    with model_store(folder, settings) as models:
        done = promote_model(models, signing_key(folder, models), scope)
    _print_published(done, as_json=as_json)


@command.command()
@scope_argument
@click.option("--to", type=int, help="The version whose model to bring back.  [default: the one served before]")
@data_option
@store_option
@json_option
def rollback(scope: Scope, *, to: int | None, data: Path, store: str | None, as_json: bool) -> None:
    """Publish an older model again, newly signed, as the next version.

    Each call without --to goes back further. A call with --to may be repeated; with --to and the champion's own
    version the champion is signed anew, if the key is another one by now.

    \b
    Examples:
      kinelog model rollback iron-works/all/left-wrist --data .data
      kinelog model rollback iron-works/all/left-wrist --to 1 --data .data
    """
    from kinelog.registry.publishing import rollback as roll_back

    folder, settings = DataFolder(data), load_settings(data, store=store)
    with model_store(folder, settings) as models:
        done = roll_back(models, signing_key(folder, models), scope, to=to)
    _print_published(done, as_json=as_json)


def _print_published(done: Published, *, as_json: bool) -> None:
    restored = None if done.origin == done.version else done.origin
    result: dict[str, object] = {
        "scope": done.scope.path,
        "version": done.version,
        "restores": restored,
        "blob": done.blob,
        "key": done.signature.key_id,
    }
    what = f"the model of version {restored}" if restored else f"sha256:{done.blob[:16]}…"
    print_result(result, f"{done.scope.path} version {done.version}: {what}", as_json=as_json)


@command.command()
@click.argument("scopes", type=ScopeArgument(), nargs=-1, metavar="[SCOPE]...")
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


@command.command("export-muvr")
@scope_argument
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for three files.")
@click.option("--version", type=int, help="Which version.  [default: the champion]")
@data_option
@store_option
@json_option
def export_muvr(scope: Scope, *, to: Path, version: int | None, data: Path, store: str | None, as_json: bool) -> None:
    """Write layers.txt, labels.txt and weights.raw, as the muvr app for iOS reads them.

    Only dense networks on raw windows can be written so; others are refused with the reason (65).

    \b
    Example:
      kinelog model export-muvr iron-works/all/left-wrist --to muvr --data .data
    """
    from kinelog.device.blob import unpack_blob
    from kinelog.device.muvr_files import MuvrRefusedError, muvr_files
    from kinelog.registry.manifest import read_manifest

    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        found = _found(models, scope, version)
        blob = models.blob(found.blob)
    try:
        files = muvr_files(unpack_blob(blob), read_manifest(found.manifest).labels)
    except MuvrRefusedError as error:
        raise RefusedError(f"{scope.path} version {found.version} cannot be written for muvr: {error}") from error
    _write(to / "layers.txt", files.layers_txt.encode())
    _write(to / "labels.txt", files.labels_txt.encode())
    _write(to / "weights.raw", files.weights_raw)
    print_result({"folder": str(to), "version": found.version}, f"three files written to {to}", as_json=as_json)


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise CannotCreateError(f"{file}: {error.strerror}") from error
