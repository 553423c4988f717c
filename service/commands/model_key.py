"""`kinelog model key list|make|rotate|endorse|trust|retire`."""

from __future__ import annotations

from pathlib import Path

import click
from kinelog.registry.signing import PublicKey
from kinelog.service.configuration import DataFolder, load_settings
from kinelog.service.errors import CannotCreateError, ConfigurationError
from kinelog.service.model_stores import given_key, model_store, signing_key, translated
from kinelog.service.options import data_option, json_option, print_result, store_option


@click.group()
def command() -> None:
    """Keys that manifests are signed with: which are trusted, and how one takes the place of another."""


@command.command("list")
@data_option
@store_option
@json_option
def list_(*, data: Path, store: str | None, as_json: bool) -> None:
    """List the public keys that are trusted, in the order in which they came.

    \b
    Example:
      kinelog model key list --data .data
    """
    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        keys = models.keys()
    rows: list[dict[str, object]] = [
        {
            "key_id": key.key_id,
            "public": key.text,
            "endorsed_by": None if key.endorsement is None else key.endorsement.key_id,
        }
        for key in keys
    ]
    lines = [
        f"{key.key_id}  {key.text}" + ("" if key.endorsement is None else f"  follows {key.endorsement.key_id}")
        for key in keys
    ]
    print_result({"keys": rows}, "\n".join(lines) or "no key is trusted yet", as_json=as_json)


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def make(file: Path, *, as_json: bool) -> None:
    """Make a private key in FILE, for KINELOG_MODEL_KEY_FILE; print the public one. Nothing trusts it yet.

    \b
    Example:
      kinelog model key make new-model.key
    """
    from kinelog.registry.signing_key_file import make_key

    if file.exists():
        raise CannotCreateError(f"{file} is there already")
    with translated():
        public = make_key(file).public
    print_result({"key_id": public.key_id, "public": public.text}, f"{public.key_id}  {public.text}", as_json=as_json)


@command.command()
@data_option
@store_option
@json_option
def rotate(*, data: Path, store: str | None, as_json: bool) -> None:
    """Let a new key take the place of the data folder's: the old one endorses it, and its private half is gone.

    What the old key signed stays believable. For a key that the environment gives: `make`, `endorse`, then give the
    new one.

    \b
    Example:
      kinelog model key rotate --data .data
    """
    from kinelog.registry.signing_key_file import drafted_key, put_in_place

    folder = DataFolder(data)
    with model_store(folder, load_settings(data, store=store)) as models:
        if given_key() is not None:
            message = "the key comes from the environment: `kinelog model key make`, then `kinelog model key endorse`"
            raise ConfigurationError(message)
        old = signing_key(folder, models)
        new, draft = drafted_key(folder.model_key)
        try:
            models.add_key(old.public)
            # Trusted before it signs: dying in between leaves a trusted key that nobody has, which harms nobody.
            models.add_key(old.endorse(new.public))
            put_in_place(draft, folder.model_key)
        finally:
            draft.unlink(missing_ok=True)
    result: dict[str, object] = {"key_id": new.key_id, "public": new.public.text, "endorsed_by": old.key_id}
    print_result(result, f"{new.key_id}  {new.public.text}  follows {old.key_id}", as_json=as_json)


@command.command()
@click.argument("public")
@data_option
@store_option
@json_option
def endorse(public: str, *, data: Path, store: str | None, as_json: bool) -> None:
    """Let the key that signs now say that PUBLIC follows it; then phones that trust this one trust that one.

    \b
    Example:
      kinelog model key endorse 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= --data .data
    """
    folder = DataFolder(data)
    with model_store(folder, load_settings(data, store=store)) as models:
        key = signing_key(folder, models)
        successor = key.endorse(PublicKey.parse(public))
        models.add_key(successor)
    result: dict[str, object] = {"key_id": successor.key_id, "endorsed_by": key.key_id}
    print_result(result, f"{successor.key_id} follows {key.key_id}", as_json=as_json)


@command.command()
@click.argument("public")
@data_option
@store_option
@json_option
def trust(public: str, *, data: Path, store: str | None, as_json: bool) -> None:
    """Trust PUBLIC although no key endorses it: only where the old one is lost. Phones have to be told by hand.

    \b
    Example:
      kinelog model key trust 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= --data .data
    """
    with model_store(DataFolder(data), load_settings(data, store=store), make=True) as models:
        key = PublicKey.parse(public)
        models.add_key(key)
    print_result({"key_id": key.key_id}, f"{key.key_id} is trusted", as_json=as_json)


@command.command()
@click.argument("key_id")
@data_option
@store_option
@json_option
def retire(key_id: str, *, data: Path, store: str | None, as_json: bool) -> None:
    """Trust a key no more, for ever. What it signed is refused until it is published again under another.

    \b
    Example:
      kinelog model key retire 0123456789abcdef --data .data
    """
    from kinelog.registry.auditing import signed_by

    with model_store(DataFolder(data), load_settings(data, store=store)) as models:
        trusted = models.keys()
        if key_id not in {key.key_id for key in trusted}:
            raise ConfigurationError(f"{key_id} is not trusted: `kinelog model key list` names those that are")
        models.retire_key(key_id)
        left = [scope.path for scope in signed_by(models, key_id)]
    lines = [f"{key_id} is retired", *(f"publish again (`kinelog model rollback {path} --to …`)" for path in left)]
    print_result({"key_id": key_id, "champions_signed_with_it": left}, "\n".join(lines), as_json=as_json)
