"""The job of many classes: which one is each row of, and how likely is each?

--mode=train     files of all classes -> checkpoints, TensorBoard summaries, metrics, SavedModel
--mode=evaluate  the trained model on labelled files -> tables and evaluation.json
--mode=predict   the trained model on any files -> predictions.jsonl
"""

from __future__ import annotations

from collections.abc import Mapping

from sampling.command_line import common
from sampling.command_line.flag import Flag
from sampling.command_line.values import (
    class_globs,
    exact_names,
    names,
    number,
    whole,
    whole_numbers,
)
from trainer.training import every_job

DESCRIPTION = "trains, evaluates or predicts with a classifier of any number of classes"
BEST_METRICS = ("log_loss", "accuracy", "macro_recall")
AUTO, NO, NATURAL = "auto", "no", "natural"

FLAGS: Mapping[str, tuple[Flag, ...]] = {
    "job": (*every_job.JOB, every_job.EXPORT_DIR),
    common.GLOBS: (
        every_job.DATA_DIR,
        Flag(
            "class_dir",
            None,
            class_globs,
            "files of each class (water=train/0/*.csv,snow=train/1/*.csv), in place of train_dir",
        ),
        Flag(
            "train_dir",
            None,
            names,
            "files in which classes are mixed; they are read once more, for an index of classes",
        ),
        *every_job.TESTED,
        Flag(
            "classes",
            [],
            exact_names,
            "values of the label in order (a,b,c); unless given: as the schema says, or as found",
        ),
        *every_job.DATA,
    ),
    "sampling": (
        Flag(
            "most_rows",
            AUTO,
            whole(1, (AUTO, NATURAL)),
            "at most so many rows of a class in an epoch, others in the next one; natural: all; "
            "auto: all, unless one class has 95 % of the rows or more: then so few of it that an "
            "epoch has at most 15 % of the rows, and more of them where other classes have few",
        ),
        common.WEIGHT._replace(
            help="weight of a row; auto makes up for most_rows, so that probabilities stay true"
        ),
        every_job.CORRECT,
        every_job.NUM_EPOCHS._replace(
            default=AUTO,
            parse=whole(1, AUTO),
            help="epochs to train for; auto: as many as make some thousand steps, and at least 2",
        ),
        *every_job.READING,
    ),
    "model": (
        Flag(
            "hidden_units",
            [64, 32],
            whole_numbers(1),
            "units of each hidden layer of the wide and deep model",
            of_model=True,
        ),
        Flag(
            "dropout",
            0.1,
            number(0, 1, or_equal=True),
            "share of hidden units that each training step leaves out, so that none is relied on",
        ),
        Flag("learning_rate", 0.002, number(0), "step size of adam at the start"),
    ),
    "habits of training": (
        Flag(
            "best_metric",
            AUTO,
            str,
            "what is measured on dev_dir after every epoch, or every so many steps of short ones: "
            "the checkpoint where it is best is kept, exported, evaluated and predicted with; no: "
            "the last one is; auto: log_loss if there is a dev_dir and one process trains, else no",
            choices=(AUTO, NO, *BEST_METRICS),
        ),
        every_job.PATIENCE,
        Flag(
            "calibrate",
            AUTO,
            str,
            "auto: after the training a temperature and a bias for each class are fitted on "
            "dev_dir, and become part of the model; classes of fewer than 50 rows there share one "
            "bias; no: they don't",
            choices=(AUTO, NO),
        ),
        Flag(
            "baseline",
            AUTO,
            str,
            "auto: a logistic regression on the same features is fitted before the training, on "
            "at most 50,000 rows, and evaluations measure it, too; no: it is not",
            choices=(AUTO, NO),
        ),
        every_job.DECAY,
    ),
    "checkpoints and evaluation": (
        *every_job.CHECKPOINTS,
        Flag(
            "report",
            True,
            None,
            "whether an evaluation writes report/report.html in the job_dir, and its pictures",
        ),
    ),
}
