"""Signatures name their key, hold for exact bytes only, and keys follow one another."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from kinelog.registry.errors import KeyFormatError, MissingKeyError, SignatureError
from kinelog.registry.signing import (
    PublicKey,
    Signature,
    SigningKey,
    key_id_of,
    require_signature,
    trusted_keys,
    verify,
)
from kinelog.registry.signing_key_file import drafted_key, key_of_digits, make_key, put_in_place, read_key

from tests.registry.made_publications import KEY, OTHER_KEY

RFC_8032_SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
RFC_8032 = (
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    RFC_8032_SIGNATURE,
)
"""The standard's second test: secret, public, message, signature."""


def test_signatures_are_those_of_the_standard() -> None:
    secret, public, message, signature = map(bytes.fromhex, RFC_8032)
    key = SigningKey(secret)
    assert key.public.public == public
    assert key.sign(message).value == signature
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)


@given(st.binary(max_size=200), st.integers(0), st.integers(0, 7))
def test_a_changed_bit_of_what_was_signed_or_of_its_signature_is_noticed(data: bytes, place: int, bit: int) -> None:
    signature = KEY.sign(data)
    assert verify([OTHER_KEY.public, KEY.public], data, signature)
    changed = bytearray(signature.value)
    changed[place % 64] ^= 1 << bit
    assert not verify([KEY.public], data, Signature(KEY.key_id, bytes(changed)))
    if data:
        other = bytearray(data)
        other[place % len(data)] ^= 1 << bit
        assert not verify([KEY.public], bytes(other), signature)


def test_only_the_key_that_the_signature_names_counts() -> None:
    signature = KEY.sign(b"manifest")
    with pytest.raises(SignatureError, match="not trusted"):
        require_signature([OTHER_KEY.public], b"manifest", signature)
    with pytest.raises(SignatureError, match="not trusted"):
        require_signature([], b"manifest", signature)
    claimed = Signature(OTHER_KEY.key_id, signature.value)
    with pytest.raises(SignatureError, match="did not sign"):
        require_signature([KEY.public, OTHER_KEY.public], b"manifest", claimed)
    require_signature([OTHER_KEY.public, KEY.public], b"manifest", signature)


def test_a_signature_goes_through_its_header() -> None:
    signature = KEY.sign(b"manifest")
    assert signature.header.startswith(f'ed25519 keyid="{KEY.key_id}", signature="')
    assert Signature.parse(signature.header) == signature
    assert Signature.parse(signature.header.replace('"', "")) == signature


@pytest.mark.parametrize("header", ["", "ed25519", "rsa keyid=0011223344556677, signature=AA==", "ed25519 keyid=zz"])
def test_a_header_that_holds_no_signature_is_refused(header: str) -> None:
    with pytest.raises(KeyFormatError, match="a signature is written"):
        Signature.parse(header)


def test_a_public_key_is_read_from_base64_and_from_digits() -> None:
    public = KEY.public
    assert PublicKey.parse(public.text) == public
    assert PublicKey.parse(public.public.hex()) == public
    assert base64.b64decode(public.text) == public.public
    assert public.key_id == key_id_of(public.public)
    assert len(public.key_id) == 16
    for text in ("", "no key", public.text[:-4], "é"):
        with pytest.raises(KeyFormatError):
            PublicKey.parse(text)


def test_keys_are_trusted_along_a_chain_of_endorsements_from_one_that_is_pinned() -> None:
    third = SigningKey(bytes(range(2, 34)))
    stranger = SigningKey(bytes(range(3, 35)))
    second_key, third_key = KEY.endorse(OTHER_KEY.public), OTHER_KEY.endorse(third.public)
    forged = PublicKey(stranger.public.public, Signature(KEY.key_id, second_key.endorsement.value))  # type: ignore[union-attr]  # it was endorsed one line above
    offered = [third_key, forged, stranger.public, second_key]
    assert {key.key_id for key in trusted_keys([KEY.public], offered)} == {KEY.key_id, OTHER_KEY.key_id, third.key_id}
    assert trusted_keys([third.public], offered) == [third.public]


def test_what_endorses_a_key_is_no_signature_of_a_manifest() -> None:
    endorsed = KEY.endorse(OTHER_KEY.public)
    assert endorsed.endorsement is not None
    assert not verify([KEY.public], OTHER_KEY.public.public, endorsed.endorsement)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_made_once_for_nobody_else_to_read(tmp_path: Path) -> None:
    file = tmp_path / "model.key"
    key = make_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert make_key(file).public == key.public
    assert read_key(file).public == key.public
    assert [path.name for path in tmp_path.iterdir()] == ["model.key"]


def test_a_drafted_key_takes_the_place_of_another_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "model.key"
    old = make_key(file)
    new, draft = drafted_key(file)
    assert read_key(file).public == old.public
    put_in_place(draft, file)
    assert read_key(file).public == new.public
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["model.key"]


@pytest.mark.parametrize("content", [b"", b"abc", bytes(range(180, 212)), b"00" * 31, b"zz" * 32], ids=repr)
def test_a_file_without_a_key_is_refused_and_its_content_not_repeated(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.key"
    file.write_bytes(content)
    with pytest.raises(KeyFormatError, match="64 hexadecimal digits") as refused:
        read_key(file)
    assert refused.value.__cause__ is None
    if len(content) > 3:
        assert content.decode("latin1") not in str(refused.value)
    with pytest.raises(MissingKeyError, match="No such file"):
        read_key(tmp_path / "another.key")


def test_a_secret_is_in_no_representation_of_its_key() -> None:
    secret = os.urandom(32)
    key = key_of_digits(f" {secret.hex()}\n", "here")
    assert secret.hex() not in repr(key)
    assert repr(key) == f"SigningKey({key.key_id})"
