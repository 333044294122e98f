"""The propensity job: how likely is each row of class 1?

--mode=train     files of both classes -> checkpoints, TensorBoard summaries, metrics, SavedModel
--mode=evaluate  the trained model on labelled files -> a table and evaluation.json
--mode=predict   the trained model on any files -> predictions.jsonl
"""

from __future__ import annotations

from collections.abc import Mapping

from sampling.flags import common
from sampling.flags.flag import Flag
from sampling.flags.values import names, number, whole, whole_numbers
from trainer.training import every_job

DESCRIPTION = "trains, evaluates or predicts with a classifier of two classes, one of them rare"
BEST_METRICS = ("log_loss", "auc", "auc_pr", "f1", "accuracy")
DEFAULT_OPTIMIZERS = {"dnn": "adam", "linear": "ftrl"}  # by model

FLAGS: Mapping[str, tuple[Flag, ...]] = {
    "job": (
        *every_job.JOB,
        Flag(
            "export_dir",
            None,
            str,
            "an export (JOB_DIR/export/1700000000) to predict with, in place of the checkpoint",
        ),
    ),
    common.GLOBS: (
        Flag(
            "data_dir",
            None,
            str,
            "folder of `tf-sampling split`, in place of the files, schema and label",
        ),
        common.POSITIVE_DIR,
        common.NEGATIVE_DIR,
        Flag("test_dir", None, names, "files to evaluate or to predict, in every mode"),
        Flag(
            "dev_dir",
            None,
            names,
            "files to validate on while training, so that test_dir decides on nothing; unless "
            "given: test_dir",
        ),
        *every_job.DATA,
    ),
    "sampling": (
        Flag("positive_size", None, whole(1), "rows of class 1, where known; spares counting"),
        Flag("negative_size", None, whole(1), "rows of class 0, where known; spares counting"),
        common.MULTIPLIER,
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
        Flag(
            "correct",
            "auto",
            str,
            "auto: where sample and weights differ from the files, the model is evaluated, "
            "predicts and is exported with probabilities corrected to the files' ratio, and its "
            "signatures have the output prior_correction; no: it puts out what it learned",
            choices=("auto", "no"),
        ),
        *every_job.READING,
    ),
    "model": (
        Flag("model", "dnn", str, "kind of model", choices=("dnn", "linear"), of_model=True),
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
            [128, 64],
            whole_numbers(1),
            "units of each hidden layer of a dnn",
            of_model=True,
        ),
        Flag(
            "dropout",
            0.0,
            number(0, 1, or_equal=True),
            "share of a dnn's units that each training step leaves out, so that none is relied on",
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
            "buckets that the values of a text column are hashed to",
            of_model=True,
        ),
        Flag(
            "optimizer",
            None,
            str,
            "adam for a dnn and ftrl for a linear model unless given",
            choices=("adam", "adagrad", "ftrl", "rmsprop", "sgd"),
            of_model=True,
        ),
        Flag(
            "learning_rate",
            None,
            number(0),
            "step size at the start, which decay lowers; unless given: adam 0.003, adagrad 0.1, "
            "ftrl 0.2, rmsprop 0.001, sgd 0.01",
        ),
    ),
    "habits of training": (
        Flag(
            "best_metric",
            None,
            str,
            "what is measured on dev_dir after every epoch: the checkpoint where it is best is "
            "kept, exported, evaluated and predicted with; unless given: the last one is",
            choices=BEST_METRICS,
        ),
        every_job.PATIENCE,
        Flag(
            "decay",
            "cosine",
            str,
            "how the learning rate falls to 0 over the steps of all num_epochs, so that the last "
            "ones change little; ftrl's rate, of which its weights are a function, stays",
            choices=("cosine", "linear", "none"),
        ),
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
        Flag(
            "checkpoint_steps",
            None,
            whole(1),
            "steps between checkpoints; unless given: those of an epoch, from 500 to 10,000",
        ),
        Flag("eval_secs", 60, whole(0), "least seconds between evaluations while training"),
        *common.DECIDING,
        Flag(
            "report",
            True,
            None,
            "whether each evaluation writes report/report.html in the job_dir, and its pictures "
            "there and to TensorBoard",
        ),
        Flag("segment", None, str, "name of the feature by which the report looks at calibration"),
    ),
}
