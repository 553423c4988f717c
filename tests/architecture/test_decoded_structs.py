"""Whatever a struct refuses when it is made is msgspec's own error where it is decoded.

msgspec turns the `ValueError` or `TypeError` of a `__post_init__` into its `ValidationError` and lets everything else
pass, so that an error of ours that is neither would go by whoever reads a damaged file and expects msgspec's.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
OUTSIDE = {"tests", "benchmarks", "scripts", "build", "dist"}


def modules_that_check() -> Iterator[str]:
    """Modules with a class that looks at itself when it is made."""
    for folder in sorted(path for path in ROOT.iterdir() if path.is_dir() and path.name not in OUTSIDE):
        if not folder.name.startswith("."):
            for file in sorted(folder.rglob("*.py")):
                if "def __post_init__" in file.read_text():
                    yield ".".join(("kinelog", *file.relative_to(ROOT).with_suffix("").parts))


def refusals(kind: type) -> Iterator[type]:
    """The errors that a struct raises when it is made."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind.__dict__["__post_init__"])))
    names = vars(importlib.import_module(kind.__module__))
    for found in ast.walk(tree):
        if isinstance(found, ast.Raise) and isinstance(found.exc, ast.Call) and isinstance(found.exc.func, ast.Name):
            error = names.get(found.exc.func.id) or getattr(__import__("builtins"), found.exc.func.id)
            assert isinstance(error, type)
            yield error


@pytest.mark.parametrize("module", list(modules_that_check()))
def test_what_a_struct_refuses_is_an_error_that_msgspec_takes_for_its_own(module: str) -> None:
    for kind in vars(importlib.import_module(module)).values():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and "__post_init__" in kind.__dict__:
            assert all(issubclass(error, ValueError | TypeError) for error in refusals(kind)), kind


def test_there_are_structs_that_refuse() -> None:
    assert {"kinelog.registry.signing", "kinelog.registry.scope"} <= set(modules_that_check())
    from kinelog.registry.signing import PublicKey, Signature

    assert [list(refusals(kind)) != [] for kind in (PublicKey, Signature)] == [True, True]
    for kind, values in ((PublicKey, {"public": b"x"}), (Signature, {"key_id": "x", "value": b"x"})):
        with pytest.raises(msgspec.ValidationError):
            msgspec.msgpack.decode(msgspec.msgpack.encode(values), type=kind)
