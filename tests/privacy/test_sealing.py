"""What sealing promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.privacy.errors import TamperedError
from kinelog.privacy.sealing import Codec, Sealed, Sealer, checksum_of, seal_plain

SEALER = Sealer("0123456789abcdef", bytes(range(32)))


@given(plaintext=st.binary(max_size=600), associated=st.binary(max_size=100))
def test_what_was_sealed_opens_at_its_place(plaintext: bytes, associated: bytes) -> None:
    sealed = SEALER.seal(plaintext, associated)
    assert SEALER.open(sealed, associated) == plaintext
    assert sealed.codec == Codec.AES256GCM_MSGPACK
    assert len(sealed.ciphertext) == len(plaintext) + 16


@given(
    plaintext=st.binary(min_size=8, max_size=64), associated=st.binary(max_size=20), elsewhere=st.binary(max_size=20)
)
def test_it_opens_nowhere_else(plaintext: bytes, associated: bytes, elsewhere: bytes) -> None:
    sealed = SEALER.seal(plaintext, associated)
    if elsewhere != associated:
        with pytest.raises(TamperedError):
            SEALER.open(sealed, elsewhere)


@given(text=st.text(max_size=64), other=st.text(max_size=64))
def test_a_concealed_word_is_equal_for_equal_texts_and_turned_back_by_this_key_only(text: str, other: str) -> None:
    word = SEALER.conceal(text)
    assert (SEALER.conceal(other) == word) == (text == other)
    assert re.fullmatch(r"[A-Za-z0-9_-]{22,}", word)
    assert SEALER.reveal(word) == text
    for stranger, said in ((Sealer("0123456789abcdef", bytes(32)), word), (SEALER, text), (SEALER, word[1:])):
        with pytest.raises(TamperedError):
            stranger.reveal(said)


def test_no_flipped_bit_opens_and_each_breaks_the_checksum() -> None:
    sealed = SEALER.seal(b"a set of twelve", b"place")
    for index in range(8 * len(sealed.ciphertext)):
        damaged = bytearray(sealed.ciphertext)
        damaged[index // 8] ^= 1 << index % 8
        other = msgspec.structs.replace(sealed, ciphertext=bytes(damaged))
        with pytest.raises(TamperedError):
            SEALER.open(other, b"place")
        assert checksum_of(other.codec, other.key_id, other.nonce, b"place", other.ciphertext) != sealed.checksum


@pytest.mark.parametrize("nonce", [b"", b"short", bytes(12), bytes(200)])
def test_a_wrong_nonce_of_any_length_is_tampering(nonce: bytes) -> None:
    sealed = msgspec.structs.replace(SEALER.seal(b"x", b""), nonce=nonce)
    with pytest.raises(TamperedError):
        SEALER.open(sealed, b"")


def test_another_key_does_not_open_even_under_the_same_name() -> None:
    sealed = SEALER.seal(b"x", b"")
    for other in (Sealer("0123456789abcdef", os.urandom(32)), Sealer("f" * 16, bytes(range(32)))):
        with pytest.raises(TamperedError):
            other.open(sealed, b"")


def test_a_plain_payload_is_not_taken_for_a_sealed_one() -> None:
    with pytest.raises(TamperedError):
        SEALER.open(seal_plain(b"x", b""), b"")


def test_no_nonce_is_used_twice() -> None:
    assert len({SEALER.seal(b"x", b"").nonce for _ in range(2_000)}) == 2_000


def test_no_nonce_is_used_twice_by_threads_or_a_forked_child() -> None:
    SEALER.seal(b"x", b"")  # so that this thread has drawn nonces, which a child gets a copy of
    with ThreadPoolExecutor(4) as pool:
        taken = [sealed.nonce for sealed in pool.map(lambda _: SEALER.seal(b"x", b""), range(2_000))]
    script = (
        "import os, sys; from kinelog.privacy.sealing import Sealer\n"
        "sealer = Sealer('k', bytes(32)); sealer.seal(b'x', b'')\n"
        "child = os.fork()\n"
        "os.write(1, b''.join(sealer.seal(b'x', b'').nonce for _ in range(200)))\n"
        "os.waitpid(child, 0) if child else None"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=env).stdout
    taken += [output[start : start + 12] for start in range(0, len(output), 12)]
    assert len(set(taken)) == len(taken) == 2_400


def test_fields_that_run_together_have_different_checksums() -> None:
    assert checksum_of(1, "k", b"n", b"ab", b"c") != checksum_of(1, "k", b"n", b"a", b"bc")


def test_the_checksum_is_the_one_that_stored_logs_hold() -> None:
    # A change here would make every log that was ever written look damaged.
    assert checksum_of(1, "0" * 16, bytes(12), b"demo/x\x001", b"ciphertext").hex() == "882a040c643c660b"
    assert Sealed(0, "", b"", b"", b"").codec == Codec.PLAIN_MSGPACK
