"""One name for one thing."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_no_two_classes_have_one_name():
    named: Counter[str] = Counter()
    for package in ("sampling", "trainer"):
        for path in (ROOT / package).rglob("*.py"):
            body = ast.parse(path.read_text()).body
            named.update(node.name for node in body if isinstance(node, ast.ClassDef))
    assert [name for name, times in named.items() if times > 1] == []
