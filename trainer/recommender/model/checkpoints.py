"""The recommender job's model, as its flags and its directory say."""

from __future__ import annotations

import argparse
from typing import Any

from sampling.errors import SamplingError
from sampling.estimator import install
from sampling.samplers.fake_pairs.vocabulary import Vocabulary
from trainer.job_dir import trained
from trainer.recommender.catalogue import ITEMS, USERS, Catalogue
from trainer.recommender.model import estimators, ids
from trainer.recommender.model.ids import IdVocabulary
from trainer.recommender.model.networks import PairNetwork
from trainer.recommender.model.two_tower import TwoTower


def build(
    flags: argparse.Namespace, catalogue: Catalogue, group: int, steps_per_epoch: int = 1
) -> Any:
    """With the vocabularies in the job_dir; `group` as for `estimators.build`."""
    config = install().RunConfig(
        model_dir=flags.job_dir,
        tf_random_seed=flags.seed,
        save_checkpoints_steps=steps_per_epoch,
        save_summary_steps=500,
        keep_checkpoint_max=2,
        checkpoint_save_graph_def=False,  # nothing reads these files
    )
    popular = ids.popularity(flags, catalogue.popularity)
    model = of_codes(flags, catalogue)
    known = vocabularies(flags, catalogue)
    total_steps = flags.num_epochs * steps_per_epoch
    return estimators.build(flags, *known, model, popular, config, group, total_steps)


def of_codes(flags: argparse.Namespace, catalogue: Catalogue) -> PairNetwork | TwoTower | None:
    """The model; None for the linear one, which is of ids."""
    if flags.model == "linear":
        return None
    return (TwoTower if flags.model == "two_tower" else PairNetwork)(flags, catalogue)


def vocabularies(
    flags: argparse.Namespace, catalogue: Catalogue
) -> tuple[IdVocabulary, IdVocabulary]:
    """Of users and of items, in the job_dir."""

    def vocabulary(key: str, name: str, known: Vocabulary) -> IdVocabulary:
        return IdVocabulary(key, f"{flags.job_dir}/{name}", len(known), known.ids.dtype != object)

    return (
        vocabulary(flags.user_key, USERS, catalogue.users),
        vocabulary(flags.item_key, ITEMS, catalogue.items),
    )


def best_checkpoint(flags: argparse.Namespace) -> str:
    checkpoint = trained.checkpoint(f"{flags.job_dir}/best")
    if not checkpoint:
        raise SamplingError(
            f"found no checkpoint in {flags.job_dir}/best, expected that of the best epoch; run "
            "--mode=train first"
        )
    return checkpoint
