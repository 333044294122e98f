"""The propensity job: how likely is each row of class 1?

--mode=train     files of both classes -> checkpoints, TensorBoard summaries, metrics, SavedModel
--mode=evaluate  the trained model on labelled files -> a table and evaluation.json
--mode=predict   the trained model on any files -> predictions.jsonl
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sampling.command_line import common
from sampling.command_line.flag import Flag
from sampling.command_line.values import names, number, whole, whole_numbers
from trainer.training import every_job

DESCRIPTION = "trains, evaluates or predicts with a classifier of two classes, one of them rare"
BEST_METRICS = ("log_loss", "auc", "auc_pr", "f1", "accuracy")
MODELS = ("wide_deep", "dnn", "linear")
AUTO, NO = "auto", "no"
_OWN = {"multiplier": 1.0, "num_epochs": 10, "best_metric": NO, "calibrate": NO}
_FOUND_OUT = dict.fromkeys(_OWN, AUTO)
# What flags are unless they are given, by model.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "wide_deep": {"optimizer": "adam", "hidden_units": [64, 32], "dropout": 0.1, **_FOUND_OUT},
    "dnn": {"optimizer": "adam", "hidden_units": [128, 64], "dropout": 0.0, **_OWN},
    "linear": {"optimizer": "ftrl", "hidden_units": [], "dropout": 0.0, **_OWN},
}

FLAGS: Mapping[str, tuple[Flag, ...]] = {
    "job": (
        *every_job.JOB,
        every_job.EXPORT_DIR,
    ),
    common.GLOBS: (
        every_job.DATA_DIR,
        common.POSITIVE_DIR,
        common.NEGATIVE_DIR,
        *every_job.TESTED,
        *every_job.DATA,
    ),
    "sampling": (
        Flag("positive_size", None, whole(1), "rows of class 1, where known; spares counting"),
        Flag("negative_size", None, whole(1), "rows of class 0, where known; spares counting"),
        common.MULTIPLIER._replace(
            default=None,
            help="negatives per positive in an epoch, a fraction too; natural: as in the files; "
            "auto: natural where positives are 5 % or more, else fewer, so that an epoch has at "
            "most 15 % of the rows, and more of them where positives are few; unless given: auto "
            "of wide_deep, 1 of other models",
        ),
        Flag(
            "epoch",
            "minority",
            str,
            "how long an epoch is: every positive once; every negative once, positives as often as "
            "it takes; or as many rows as the files have",
            choices=("minority", "majority", "natural"),
        ),
        common.WEIGHT,
        Flag(
            "positive_weight",
            1.0,
            number(0, word="balanced"),
            "weight of a positive; balanced: both classes weigh the same in an epoch",
        ),
        Flag("normalize_weights", False, None, "whether weights are scaled to a mean of 1"),
        every_job.CORRECT,
        every_job.NUM_EPOCHS._replace(
            default=None,
            parse=whole(1, AUTO),
            help="epochs to train for; auto: as many as make some thousand steps, and at least 2; "
            "unless given: auto of wide_deep, 10 of other models",
        ),
        *every_job.READING,
    ),
    "model": (
        Flag(
            "model",
            "wide_deep",
            str,
            "wide_deep: numbers and categories by themselves and through hidden layers, each "
            "column by its kind and what is known of its values; dnn and linear: tf.estimator's "
            "own, texts hashed",
            choices=MODELS,
            of_model=True,
        ),
        Flag(
            "initial_output",
            "prior",
            str,
            "what the model predicts before it has learned anything: the share of class 1 in the "
            "weighted rows that it is trained on; or 0.5 (zero logits)",
            choices=("prior", "zero"),
            of_model=True,
        ),
        Flag(
            "hidden_units",
            None,
            whole_numbers(1),
            "units of each hidden layer; unless given: 64,32 of wide_deep and 128,64 of a dnn",
            of_model=True,
        ),
        Flag(
            "dropout",
            None,
            number(0, 1, or_equal=True),
            "share of hidden units that each training step leaves out, so that none is relied on; "
            "unless given: 0.1 of wide_deep, 0 of a dnn",
        ),
        Flag(
            "batch_norm",
            False,
            None,
            "whether a dnn normalizes its layers; their averages need some 5,000 steps to settle",
            of_model=True,
        ),
        Flag(
            "hash_buckets",
            1000,
            whole(1),
            "buckets that a dnn or linear model hashes the values of a text column to",
            of_model=True,
        ),
        Flag(
            "optimizer",
            None,
            str,
            "adam, or ftrl for a linear model, unless given",
            choices=("adam", "adagrad", "ftrl", "rmsprop", "sgd"),
            of_model=True,
        ),
        Flag(
            "learning_rate",
            None,
            number(0),
            "step size at the start, which decay lowers; unless given: adam 0.003 (0.002 of "
            "wide_deep), adagrad 0.1, ftrl 0.2, rmsprop 0.001, sgd 0.01",
        ),
    ),
    "habits of training": (
        Flag(
            "best_metric",
            None,
            str,
            "what is measured on dev_dir after every epoch, or every so many steps of short ones: "
            "the checkpoint where it is best is kept, exported, evaluated and predicted with; no: "
            "the last one is; auto: log_loss if there is a dev_dir and one process trains, else "
            "no; unless given: auto of wide_deep, no of other models",
            choices=(AUTO, NO, *BEST_METRICS),
        ),
        every_job.PATIENCE,
        Flag(
            "calibrate",
            None,
            str,
            "auto: after the training a slope and an intercept of the logit are fitted on dev_dir, "
            "if it has enough rows of both classes, and become part of the model; no: they don't; "
            "unless given: auto of wide_deep, no of other models",
            choices=(AUTO, NO),
        ),
        Flag(
            "baseline",
            AUTO,
            str,
            "auto: a logistic regression on the features of a wide_deep model is fitted, too, "
            "on at most 50,000 training rows, and measured beside the model; no: it is not",
            choices=(AUTO, NO),
        ),
        every_job.DECAY,
        Flag(
            "warm_start_dir",
            None,
            str,
            "job_dir of a model of the same columns, with another label, say: the training starts "
            "with the weights of its warm_start_layers, its scales, and its kind of model",
        ),
        Flag(
            "warm_start_layers",
            [],
            names,
            "names (hiddenlayer_0,city_embedding) of the layers to start with; unless given: all "
            "but the logits, or a linear model's bias_weights",
        ),
    ),
    "checkpoints and evaluation": (
        *every_job.CHECKPOINTS,
        *common.DECIDING,
        Flag(
            "report",
            True,
            None,
            "whether an evaluation writes report/report.html in the job_dir, and its pictures "
            "there and to TensorBoard; while training, only where there is no dev_dir",
        ),
        Flag("segment", None, str, "name of the feature by which the report looks at calibration"),
    ),
}
