"""One HTML page that needs nothing beside it: text, tables, and pictures written into it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jinja2


class Table(NamedTuple):
    """Heads and rows of texts; the first column is of names."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


class Section(NamedTuple):
    """A heading, a sentence on what to see, a picture by its file's name, tables."""

    title: str
    text: str
    picture: str | None = None
    tables: Sequence[Table] = ()


def render(
    title: str,
    lead: str,
    warnings: Sequence[str],
    cards: Mapping[str, str],
    sections: Sequence[Section],
    pictures: Mapping[str, bytes],
) -> str:
    """The page, by the template `page.html`. All texts are plain ones, whatever is in them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(os.path.dirname(__file__)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode()
    return environment.get_template("page.html").render(
        title=title,
        lead=lead,
        warnings=warnings,
        cards=cards,
        sections=sections,
        pictures=pictures,
    )
