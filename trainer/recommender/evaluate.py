"""What the recommender job measures, beside baselines, and how it says so."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sampling import Schema
from sampling.command_line.ending import say
from trainer.job_dir import contents
from trainer.recommender import inputs
from trainer.recommender.catalogue import Catalogue
from trainer.recommender.measuring import full_ranking, ranking, reporting
from trainer.recommender.measuring.baselines import Ease, PairRanker, Popular, gram_matrix
from trainer.recommender.measuring.full_ranking import FullRanking, Users, called
from trainer.recommender.measuring.ranking import HeldOut
from trainer.recommender.model import checkpoints
from trainer.recommender.model.scorer import Scorer
from trainer.training.hooks import StepProgress

_OF_MODEL = ("hr", "ndcg", "log_loss", "rmse", "mae")
_AT_TOP = ("hr", "ndcg")
EASE, POPULARITY = "ease", "popularity"
_REGULARIZATIONS = (100.0, 300.0, 1000.0)  # that are tried on dev
_USUAL = 300.0
_FEW_ITEMS = 5000  # that a Gram matrix is inverted for several times in no time


def evaluate(flags: argparse.Namespace, schema: Schema) -> None:
    """Measures the best epoch on held-out pairs."""
    catalogue = Catalogue.of_job(flags, schema)
    held_out = inputs.held_out(flags, schema, catalogue, flags.test_dir)
    ease = contents.read_json_if_any(flags.job_dir, contents.EASE)
    measured = RankingFigures.of(
        flags, catalogue, held_out, of_model(flags, schema, catalogue, held_out), ease
    )
    measured.tell({})
    measured.warn()


def of_model(
    flags: argparse.Namespace, schema: Schema, catalogue: Catalogue, held_out: HeldOut
) -> Mapping[str, Any]:
    """What the best epoch comes to on held-out pairs among their negatives, by name."""
    found: Mapping[str, Any] = checkpoints.build(flags, catalogue, held_out.group).evaluate(
        lambda: held_out.dataset(schema, inputs.keys(flags)),
        hooks=[StepProgress("evaluating", held_out.steps)],
        checkpoint_path=checkpoints.best_checkpoint(flags),
    )
    return found


class RankingFigures(NamedTuple):
    """A model and its baselines on held-out pairs.

    Attributes:
        figures: measures by name, of the model and of each baseline, by what it is called.
        full: the rankings among all items, by the same names.
    """

    flags: argparse.Namespace
    catalogue: Catalogue
    users: Users
    figures: dict[str, dict[str, float]]
    full: dict[str, FullRanking]
    step: int

    @classmethod
    def of(
        cls,
        flags: argparse.Namespace,
        catalogue: Catalogue,
        held_out: HeldOut,
        evaluation: Mapping[str, Any],
        ease: Mapping[str, Any] | None,
    ) -> RankingFigures:
        """
        Args:
            evaluation: of the model, what `of_model` returns.
            ease: {"regularization": ...}; None: EASE is not measured.
        """
        users = Users.of_pairs(catalogue, held_out.users, held_out.items, flags.seed)
        scorer = Scorer(flags, catalogue, checkpoints.best_checkpoint(flags))
        rankers: dict[str, Any] = {flags.model: _Model(scorer), POPULARITY: Popular(catalogue)}
        if ease:
            rankers[EASE] = Ease(catalogue, gram_matrix(catalogue), ease["regularization"])
        figures = {flags.model: _of_evaluation(flags, evaluation)}
        for name in list(rankers)[1:]:
            hr, ndcg = among_negatives(flags, catalogue, held_out, rankers[name])
            figures[name] = {f"hr_at_{flags.top}": hr, f"ndcg_at_{flags.top}": ndcg}
        full = {}
        for name, ranker in rankers.items():
            full[name] = full_ranking.measure(ranker, catalogue, users, flags.full_top, name)
            figures[name] |= full[name].measures(flags.full_top)
        return cls(flags, catalogue, users, figures, full, int(evaluation["global_step"]))

    def tell(self, about: Mapping[str, Any]) -> None:
        """Prints the figures, and writes them and the report to the job_dir."""
        model, *baselines = self.figures
        print("", table(self.figures, list(self.figures[model])), "", sep="\n")
        written: dict[str, Any] = {"step": self.step, **self.figures[model]}
        written |= {name: self.figures[name] for name in baselines}
        written |= {"test_dir": self.flags.test_dir, **about}
        path = contents.write_json(self.flags.job_dir, contents.EVALUATION, written)
        print(f"evaluation: {path}")
        if self.flags.report:
            reporting.write(self.flags, self.catalogue, self.users, self.figures, self.full)

    def warn(self) -> None:
        """Says what speaks against the model."""
        model, *baselines = self.figures
        names = f"ndcg_at_{self.flags.top}", f"full_ndcg_at_{self.flags.full_top}"
        for baseline in baselines:
            if worse := [n for n in names if self.figures[model][n] <= self.figures[baseline][n]]:
                said = " and ".join(
                    f"{called(name)} {self.figures[model][name]:.4f} against "
                    f"{self.figures[baseline][name]:.4f}"
                    for name in worse
                )
                say(f"warning: the model ranks no better than {_CALLED[baseline]}: {said}")


_CALLED = {
    POPULARITY: "popularity, the same list for everybody",
    EASE: "EASE, a linear model of a closed form",
}


class _Model:
    """The trained model, as baselines are."""

    def __init__(self, scorer: Scorer):
        self._scorer = scorer

    def all_scores(self, users: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._scorer.all_scores(tf.constant(users)).numpy()
        return found


def among_negatives(
    flags: argparse.Namespace, catalogue: Catalogue, held_out: HeldOut, baseline: PairRanker
) -> tuple[float, float]:
    """HR and NDCG of a baseline."""
    held = catalogue.item_codes(held_out.items)[:, np.newaxis]
    items = np.concatenate([held, held_out.negatives], axis=1)
    scores = baseline.of_items(catalogue.user_codes(held_out.users), items)
    return ranking.of_scores(scores, items, flags.top)


def chosen_ease(
    flags: argparse.Namespace, catalogue: Catalogue, dev: HeldOut | None
) -> dict[str, float] | None:
    """How EASE is regularized, kept in the job_dir; None where there are too many items for it.

    Args:
        dev: held-out pairs to choose by; None: it is as usual.
    """
    if len(catalogue.items) > flags.ease_items:
        return None
    best = _USUAL
    if dev is not None and len(catalogue.items) <= _FEW_ITEMS:
        gram = gram_matrix(catalogue)

        def gain(regularization: float) -> float:
            return among_negatives(flags, catalogue, dev, Ease(catalogue, gram, regularization))[1]

        best = max(_REGULARIZATIONS, key=gain)
    contents.write_json(flags.job_dir, contents.EASE, {"regularization": best})
    return {"regularization": best}


def line(result: Mapping[str, Any], steps: int, top: int) -> str:
    parts = [f"epoch {round(result['global_step'] / steps):>3}"]
    for name in _OF_MODEL:
        if name in result:
            shown = f"{name.upper()}@{top}" if name in _AT_TOP else name.replace("_", " ")
            parts.append(f"{shown} {result[name]:.4f}")
    return "  ".join(parts)


def _of_evaluation(flags: argparse.Namespace, result: Mapping[str, Any]) -> dict[str, float]:
    return {
        name + (f"_at_{flags.top}" if name in _AT_TOP else ""): float(result[name])
        for name in _OF_MODEL
        if name in result
    }


def table(figures: Mapping[str, Mapping[str, float]], names: list[str]) -> str:
    """A line for each measure named, a column for the model and each baseline."""
    lines = [["", *figures]]
    for name in names:
        of_all = [f"{each[name]:.4f}" if name in each else "" for each in figures.values()]
        lines.append([called(name), *of_all])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])]).rstrip()
        for first, *rest in lines
    )
