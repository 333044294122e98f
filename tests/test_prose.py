"""What people read: sentences that can be read in one go, links that lead somewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDES = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not any(part.startswith(".") or part == "output" for part in path.relative_to(ROOT).parts)
]
MOST_WORDS = 30
WORDS = re.compile(r"[A-Za-z0-9_`'./=-]+")
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)]*)\)")


def sentences(text: str) -> Iterator[str]:
    prose = LINK.sub(r"\1", re.sub(r"^\|.*$|^#.*$", "\n", code_out(text), flags=re.MULTILINE))
    for paragraph in paragraphs(prose):
        yield from re.split(r"(?<=[.!?])[\"')]*\s+", " ".join(paragraph.split()))


def paragraphs(text: str) -> list[str]:
    return re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.|[\w, ]+:) )", text)


def code_out(text: str) -> str:
    text = re.sub(r"```.*?```", "\n\n", text, flags=re.DOTALL)
    return re.sub(r"^(?: {4}.*\n)+", "\n", text, flags=re.MULTILINE)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sentences_are_short(path):
    if path.name == "CHANGELOG.md":
        pytest.skip("a list of changes, each with its reason")
    found = [each for each in sentences(path.read_text()) if len(WORDS.findall(each)) > MOST_WORDS]
    assert found == []


@pytest.mark.parametrize("package", ["sampling", "trainer", "examples"])
def test_sentences_of_docstrings_are_short(package):
    found = []
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = code_out(ast.get_docstring(node) or "")
                # Not those of tables, signatures and formulas.
                is_prose = [
                    each for each in paragraphs(text) if not re.search(r"->| = |\S  ", each)
                ]
                found += [
                    f"{path.relative_to(ROOT)}: {sentence}"
                    for paragraph in is_prose
                    for sentence in sentences(paragraph)
                    if len(WORDS.findall(sentence)) > MOST_WORDS
                ]
    assert found == []


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(path):
    for _, target in LINK.findall(code_out(path.read_text())):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        leads_to = (path.parent / file).resolve() if file else path
        assert leads_to.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", leads_to.read_text(), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
            assert heading in anchors, target
