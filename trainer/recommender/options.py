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
from trainer.recommender import usual
from trainer.training import every_job

DESCRIPTION = "trains, evaluates or predicts with a model of users and items"
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
        Flag(
            "negatives",
            None,
            number(0),
            "unobserved pairs for each observed one; unless given: 20 for a softmax of gmf, mlp or "
            "neumf, or else 4",
        ),
        Flag(
            "fakes",
            "per_user",
            str,
            "how unobserved pairs are drawn",
            choices=("uniform", "per_user", "popularity"),
        ),
        Flag("alpha", 0.75, number(0, or_equal=True), "fakes=popularity: popularity^alpha"),
        every_job.NUM_EPOCHS._replace(default=20),
        every_job.READING[0]._replace(
            default=None,
            help="rows of a training batch, or groups; unless given: 2,048 for two_tower, 128 for "
            "a linear model, or else 1,024",
        ),
        *every_job.READING[1:],
    ),
    "model": (
        Flag(
            "model",
            "two_tower",
            str,
            "a vector for each user and item by ids and features; generalized matrix "
            "factorization, a deep net, or both; or linear regression of the label on user and "
            "item",
            choices=usual.MODELS,
            of_model=True,
        ),
        Flag(
            "loss",
            None,
            str,
            "what gmf, mlp and neumf learn by: a softmax over each observed pair and its "
            "unobserved ones, which is usual, or cross-entropy of each pair, as in their paper",
            choices=usual.LOSSES,
            of_model=True,
        ),
        Flag(
            "factors",
            None,
            whole(1),
            "of gmf and of two_tower, and units of the last layer of mlp; unless given: 128 for "
            "two_tower, 16 for a softmax of the others, 8 for cross-entropy",
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
            "of Adam, or of Ftrl for a linear model; unless given: what suits the model",
        ),
        every_job.DECAY,
        Flag(
            "l2",
            None,
            number(0, or_equal=True),
            "penalty of the squares of a pair's vectors, or of a linear model's weights; unless "
            "given: what suits the model",
        ),
        Flag(
            "softmax_negatives",
            512,
            whole(1),
            "two_tower: items drawn for each batch by popularity^alpha, in place of all others",
        ),
    ),
    "features": (
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
            "ndcg",
            str,
            "what is measured after every epoch: the checkpoint where it is best is kept, "
            "exported, evaluated and predicted with; a softmax has hr and ndcg alone",
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
