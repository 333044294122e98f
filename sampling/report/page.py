"""One HTML page that needs nothing beside it: text, tables, and pictures written into it."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 20px 16px 48px; background: #f6f7f9;
  color: #1c2127; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 8px 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 4px; }
p { margin: 0 0 12px; }
.lead, figcaption, section > p { color: #4a515b; }
.cards { display: grid; gap: 10px; margin: 16px 0;
  grid-template-columns: repeat(auto-fit, minmax(136px, 1fr)); }
.card, section { background: #fff; border: 1px solid #e1e4e8; border-radius: 8px; }
.card { padding: 8px 12px; }
.card b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.card span { color: #4a515b; font-size: .86rem; }
.sections { display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
section { padding: 14px; min-width: 0; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; max-width: 784px; margin: 0 auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin-top: 6px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 4px 6px; text-align: right; border-bottom: 1px solid #eceef1; }
th { font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
@media (max-width: 500px) { body { padding: 12px 10px 32px; } section { padding: 10px; }
  table { font-size: .84rem; } th, td { padding: 3px 4px; } }
"""


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
    cards: Mapping[str, str],
    sections: Sequence[Section],
    pictures: Mapping[str, bytes],
) -> str:
    """The page. All texts are plain ones, whatever characters are in them."""
    shown = "".join(
        f'<div class="card"><b>{_text(value)}</b><span>{_text(name)}</span></div>'
        for name, value in cards.items()
    )
    body = "".join(_section(section, pictures) for section in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'  # so that no browser asks for one
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{_text(title)}</h1><p class="lead">{_text(lead)}</p>'
        f'<div class="cards">{shown}</div><main class="sections">{body}</main></body></html>\n'
    )


def _section(section: Section, pictures: Mapping[str, bytes]) -> str:
    parts = [f"<h2>{_text(section.title)}</h2><p>{_text(section.text)}</p>"]
    if section.picture:
        data = base64.b64encode(pictures[section.picture]).decode()
        source = f"data:image/png;base64,{data}"
        parts.append(f'<figure><img alt="{_text(section.title)}" src="{source}"></figure>')
    parts += [_table(table) for table in section.tables]
    return f"<section>{''.join(parts)}</section>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in table.heads)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(value)}</td>" for value in row) + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _text(value: Any) -> str:
    return html.escape(str(value))
