"""The page on an evaluation: measures, for whom and for what they are good, and examples."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sampling import files
from trainer.recommender.catalogue import Catalogue, with_unknown
from trainer.recommender.measuring.full_ranking import FullRanking, Users, called

if TYPE_CHECKING:
    from sampling.report.page import Section, Table

REPORT, PAGE = "report", "report.html"
_GROUPS = 5
_EXAMPLES, _KNOWN, _LISTED = 10, 5, 5


def write(
    flags: argparse.Namespace,
    catalogue: Catalogue,
    users: Users,
    figures: Mapping[str, Mapping[str, float]],
    full: Mapping[str, FullRanking],
) -> None:
    """Writes report/report.html to the job_dir.

    Args:
        users: with held-out items.
        figures: measures by name, of the model first and of baselines.
        full: rankings of all items, by the same names.
    """
    try:
        from sampling.report import page
    except ImportError as error:
        print(f"no report: there is no {error.name}; install tf-sampling[report]", file=sys.stderr)
        return
    sections = [
        _measures(flags, figures),
        _by_events(flags, catalogue, users, full),
        _by_popularity(flags, catalogue, users, full),
        _examples(catalogue, users, next(iter(full.values()))),
    ]
    title = f"Recommender: {flags.item_key} for {flags.user_key}, {datetime.date.today():%Y-%m-%d}"
    lead = (
        f"{flags.model}, on held-out pairs in {', '.join(flags.test_dir)}. Scores order the items "
        "of a user; they are no probabilities."
    )
    cards = {
        "users with held-out items": f"{len(users.codes):,}",
        "items": f"{len(catalogue.items):,}",
        "pairs trained on": f"{len(catalogue.trained):,}",
        **{called(name): f"{value:.4f}" for name, value in next(iter(figures.values())).items()},
    }
    text = page.render(title, lead, [], cards, sections, {})
    path = os.path.join(flags.job_dir, REPORT, PAGE)
    files.replace(path, text)
    print(f"report: {path}", flush=True)


def _measures(flags: argparse.Namespace, figures: Mapping[str, Mapping[str, float]]) -> Section:
    from sampling.report.page import Section, Table

    names = next(iter(figures.values()))
    rows = [
        [called(name), *(f"{f[name]:.4f}" if name in f else "–" for f in figures.values())]
        for name in names
    ]
    text = (
        f"HR and NDCG at {flags.top} rank each held-out item among negatives drawn for its user; "
        f"those of all items, at {flags.full_top}, among everything that the user does not have. "
        "Coverage is the share of items that are in anybody's list."
    )
    return Section("Beside baselines", text, None, [Table(["", *figures], rows)])


def _by_events(
    flags: argparse.Namespace, catalogue: Catalogue, users: Users, full: Mapping[str, FullRanking]
) -> Section:
    """Recall of users with few and with many events."""
    from sampling.report.page import Section

    per_user = np.bincount(
        catalogue.trained // len(catalogue.items), minlength=len(catalogue.users) + 1
    )
    events = per_user[users.codes]
    recalls = {name: ranking.recall for name, ranking in full.items()}
    text = (
        f"Recall at {flags.full_top} of all items, for users by how many items they have in "
        "training. Users with none are unknown to the model."
    )
    table = _grouped("items of the user", "users", events, recalls)
    return Section("By number of events", text, None, [table])


def _by_popularity(
    flags: argparse.Namespace, catalogue: Catalogue, users: Users, full: Mapping[str, FullRanking]
) -> Section:
    from sampling.report.page import Section

    popularity = np.append(catalogue.popularity, 0)[users.items]
    found = {name: ranking.found.astype(float) for name, ranking in full.items()}
    text = (
        f"The share of held-out items that are among the first {flags.full_top} of all, by how "
        "many users have the item in training. What only few have is what popularity never finds."
    )
    table = _grouped("users of the item", "held-out items", popularity, found)
    return Section("By popularity of the item", text, None, [table])


def _grouped(what: str, rows: str, sizes: np.ndarray, values: Mapping[str, np.ndarray]) -> Table:
    """Means of values in groups of about as many rows, cut where sizes differ."""
    from sampling.report.page import Table

    bounds = np.unique(np.quantile(sizes, np.arange(1, _GROUPS) / _GROUPS, method="higher"))
    group = np.searchsorted(bounds, sizes, side="left")
    lines = []
    for number in np.unique(group):
        own = group == number
        least, most = int(sizes[own].min()), int(sizes[own].max())
        span = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        lines.append([span, f"{own.sum():,}", *(f"{v[own].mean():.4f}" for v in values.values())])
    return Table([what, rows, *values], lines)


def _examples(catalogue: Catalogue, users: Users, ranking: FullRanking) -> Section:
    """Some users: those who are evenly spread from the worst served to the best."""
    from sampling.report.page import Section, Table

    ids, popularity = with_unknown(catalogue.items), catalogue.popularity
    first, items = catalogue.first_pairs(), catalogue.known_items()
    order = np.argsort(ranking.ndcg, kind="stable")
    some = order[np.unique(np.linspace(0, len(order) - 1, _EXAMPLES).astype(int))][::-1]
    rows = []
    for user in some.tolist():
        code = users.codes[user]
        known = items[first[code] : first[code + 1]]
        rarest = known[np.argsort(popularity[known], kind="stable")][:_KNOWN]
        held_out = users.items[users.first[user] : users.first[user + 1]]
        listed = ranking.lists[user][:_LISTED]
        marked = [f"{_text(ids[item])}{' ✓' if item in held_out else ''}" for item in listed]
        rows.append(
            [
                _text(users.ids[user]),
                ", ".join(_text(ids[item]) for item in rarest),
                ", ".join(marked),
                ", ".join(_text(ids[item]) for item in held_out[:_KNOWN]),
            ]
        )
    text = "From the best served to the worst. A check marks a held-out item; – is an unknown one."
    heads = ["user", "has (the least popular)", "first of the list", "held out"]
    return Section("Examples", text, None, [Table(heads, rows)])


def _text(id_: Any) -> str:
    return (id_.decode(errors="replace") if isinstance(id_, bytes) else str(id_)) or "–"
