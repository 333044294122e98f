"""The recommender job: which items will a user take up?

--mode=train     observed pairs -> checkpoints, a table of epochs, the best one exported
--mode=evaluate  the best epoch on held-out pairs -> a table and evaluation.json
--mode=predict   the same on any pairs -> predictions.jsonl; with --top the best items of users ->
                 recommendations.jsonl
"""

from __future__ import annotations

from collections.abc import Mapping

from sampling.command_line import common
from sampling.command_line.flag import Flag
from sampling.command_line.values import names, number, renames, whole, whole_numbers
from trainer.training import every_job

DESCRIPTION = "trains, evaluates or predicts with a model of users and items"
MODELS = ("linear", "gmf", "mlp", "neumf", "two_tower")

FLAGS: Mapping[str, tuple[Flag, ...]] = {
    "job": every_job.JOB,
    common.GLOBS: (
        Flag(
            "data_dir",
            None,
            str,
            "folder that tf-sampling split wrote of events, in place of all that says which files "
            "and columns there are",
        ),
        Flag("train_dir", None, names, "files of observed pairs"),
        Flag("test_dir", None, names, "files of held-out pairs, to evaluate or to predict"),
        Flag(
            "dev_dir",
            None,
            names,
            "files of other held-out pairs, by which the best epoch is chosen, so that test_dir "
            "decides on nothing; unless given: by test_dir",
        ),
        common.EXCLUDE._replace(help=f"{common.EXCLUDE.help}, nor listed for a user"),
        common.USER_KEY,
        common.ITEM_KEY,
        common.USER_VOCABULARY,
        common.ITEM_VOCABULARY,
        *every_job.DATA,
    ),
    "sampling": (
        Flag("negatives", 4.0, number(0), "unobserved pairs for each observed one"),
        Flag(
            "fakes",
            "per_user",
            str,
            "how unobserved pairs are drawn",
            choices=("uniform", "per_user", "popularity"),
        ),
        Flag("alpha", 0.75, number(0, or_equal=True), "fakes=popularity: popularity^alpha"),
        every_job.NUM_EPOCHS,
        *every_job.READING,
    ),
    "model": (
        Flag(
            "model",
            "neumf",
            str,
            "linear regression of the label on user and item; the probability that a pair is "
            "observed by generalized matrix factorization, a deep net, or both; or a vector for "
            "each user and item by ids and features, and a softmax over all items",
            choices=MODELS,
            of_model=True,
        ),
        Flag(
            "factors",
            8,
            whole(1),
            "of gmf and of two_tower, and units of the last layer of mlp",
            of_model=True,
        ),
        Flag(
            "layers",
            [4, 2, 1],
            whole_numbers(1),
            "widths of mlp's layers, in factors; the embeddings are as wide as the first",
            of_model=True,
        ),
        Flag(
            "learning_rate",
            None,
            number(0),
            "of Adam (0.004 for gmf and two_tower, or else 0.001), or of Ftrl (0.2) for a "
            "linear model",
        ),
    ),
    "model two_tower": (
        Flag(
            "softmax_negatives",
            512,
            whole(1),
            "items drawn for each batch by popularity^alpha, in place of all others",
        ),
        Flag("l2", 0.003, number(0, or_equal=True), "penalty of the squares of a pair's vectors"),
        Flag(
            "user_features",
            None,
            names,
            "files with a row for each user: its key and features",
            of_model=True,
        ),
        Flag(
            "item_features",
            None,
            names,
            "the same of items; those that nobody has yet are recommended by them",
            of_model=True,
        ),
        Flag(
            "lists",
            {},
            renames,
            "columns of lists and what separates them (genres:|)",
            of_model=True,
        ),
    ),
    "habits of training": (
        Flag(
            "best_metric",
            "hr",
            str,
            "what is measured after every epoch: the checkpoint where it is best is kept, "
            "exported, evaluated and predicted with; the linear model has no log_loss",
            choices=("hr", "ndcg", "log_loss", "rmse", "mae"),
        ),
        every_job.PATIENCE,
    ),
    "evaluation": (
        Flag("test_negatives", 99, whole(1), "negatives to rank each held-out item among"),
        Flag(
            "test_negatives_file",
            None,
            str,
            "file of them instead: a line for each held-out pair, (user,item) and negatives, "
            "tabs between",
        ),
        Flag(
            "top",
            10,
            whole(1),
            "K of the hit rate and NDCG at K; to predict: items in the list of each user, instead "
            "of predictions for pairs",
        ),
    ),
    "measuring": (
        Flag("full_top", 20, whole(1), "K of recall, NDCG and coverage among all items"),
        Flag(
            "ease_items",
            20_000,
            whole(0),
            "EASE is a baseline where there are at most so many items: 20,000 take minutes and 5 "
            "GB; 0: never",
        ),
        Flag(
            "report", True, None, "whether an evaluation writes report/report.html in the job_dir"
        ),
    ),
    "lists": (
        Flag(
            "users",
            None,
            str,
            "file of the users to list items for, one a line; unless given: all of the training",
        ),
        Flag(
            "exclude_known",
            True,
            None,
            "whether lists leave out what a user has by the files of training, dev and exclude",
        ),
    ),
}
