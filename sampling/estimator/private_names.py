"""Every name of TensorFlow that Estimators and input functions rest on, and which of them this
TensorFlow lacks.

    python -m sampling.estimator.private_names

The names are read from the sources of tensorflow-estimator, of this package and of
`sampling.input_fn`. They are those imported from inside of TensorFlow, with what is taken from
them, and all that is taken from `tf`.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sampling.estimator import importing
from sampling.estimator.installation import install

_PACKAGES = (importing.PACKAGE, "sampling.estimator", "sampling.input_fn")
# For TPUs, and for tests of tensorflow-estimator's own: not imported.
_LEFT_OUT = ("/tpu/", "testing_utils")


def used() -> dict[str, str]:
    """The names in use, as "tensorflow.python.util.function_utils.fn_args", with a file each."""
    found: dict[str, str] = {}
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        folder = Path(spec.origin).parent
        for path in sorted(folder.rglob("*.py")):
            if not any(part in path.as_posix() for part in _LEFT_OUT):
                place = f"{package}/{path.relative_to(folder).as_posix()}"
                for name in _names(ast.parse(path.read_text(encoding="utf-8"))):
                    found.setdefault(name, place)
    return found


def missing() -> list[str]:
    """A sentence for each name in use that this TensorFlow does not have."""
    import tensorflow as tf

    install()
    with contextlib.suppress(ImportError, AttributeError):  # for want of a name that is told below
        importing.prepare()
    first_gone: dict[str, str] = {}  # by what of the name is gone
    for name, place in sorted(used().items()):
        gone = _gone(name)
        if gone is not None:
            first_gone.setdefault(gone, place)
    return [
        f"TensorFlow {tf.__version__} has no {name}, which {place} uses"
        for name, place in first_gone.items()
    ]


def _names(tree: ast.Module) -> Iterator[str]:
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tensorflow."):
            for alias in node.names:
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "tensorflow":
                    modules[alias.asname or alias.name] = "tensorflow"
    yield from modules.values()
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            chain = [node.attr]
            root: Any = node.value
            while isinstance(root, ast.Attribute):
                chain.append(root.attr)
                root = root.value
            if isinstance(root, ast.Name) and root.id in modules:
                yield ".".join([modules[root.id], *reversed(chain)])


def _gone(name: str) -> str | None:
    """How far one has to read the name to find that it is not there; None: it is."""
    from sampling.estimator.tensorflow_view import tf

    path, *parts = name.split(".")
    found: Any = tf
    for part in parts:
        path += f".{part}"
        try:
            # TensorFlow hides its inner modules, and a submodule need not be imported yet.
            found = importlib.import_module(path) if _is_inner(path) else getattr(found, part)
        except ModuleNotFoundError:
            if not hasattr(found, part):
                return path
            found = getattr(found, part)
        except AttributeError:
            return path
        if isinstance(found, (property, types.FunctionType)):
            return None  # what it returns is its own affair
    return None


def _is_inner(path: str) -> bool:
    return path.startswith(("tensorflow.python", "tensorflow.core"))


if __name__ == "__main__":
    gone = missing()
    print("\n".join(gone) or f"all {len(used())} names are there")
    sys.exit(bool(gone))
