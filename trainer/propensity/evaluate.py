"""The propensity job's mode evaluate, and what training evaluates with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sampling.checkpoint.estimator import step_of
from sampling.probabilities.doubts import doubts
from trainer.classification import importance, job
from trainer.classification.importance import Rises
from trainer.job_dir import contents, evaluations
from trainer.propensity import checkpoints, inputs
from trainer.propensity.model import metrics
from trainer.propensity.parameters import Parameters
from trainer.propensity.reporting import Reporting, reporting
from trainer.training.hooks import StepProgress


def evaluate(parameters: Parameters) -> None:
    """Measures the model of the last checkpoint, or the best."""
    known = contents.read_json_if_any(parameters.flags.job_dir, contents.USAGE)
    hook = reporting(parameters, lambda: known, summaries(parameters))
    estimator = checkpoints.estimator(parameters)
    test_input = inputs.test(parameters)
    found = write(parameters, evaluated(parameters, estimator, test_input, hook), hook)
    if hook:
        step = step_of(checkpoints.latest(parameters))
        write_report(parameters, hook, importance.remembered(parameters.flags.job_dir, step))
    job.warn(found)


def evaluated(
    parameters: Parameters, estimator: Any, test_input: Any, report: Reporting | None
) -> dict[str, Any]:
    """What the checkpoint that counts comes to on some rows."""
    return dict(
        estimator.evaluate(
            test_input,
            hooks=hooks(test_input, report),
            checkpoint_path=checkpoints.checkpoint(parameters),
            name=_name(parameters),
        )
    )


def hooks(test_input: Any, report: Reporting | None) -> list[Any]:
    """The hooks of an evaluation."""
    progress = StepProgress("evaluating", test_input.steps_per_epoch)
    return [progress, report] if report else [progress]


def summaries(parameters: Parameters) -> str:
    """The folder of what `evaluated` summarizes: a curve of its own in TensorBoard."""
    name = _name(parameters)
    return f"eval_{name}" if name else "eval"


def _name(parameters: Parameters) -> str | None:
    return "test" if parameters.flags.dev_dir else None


def write(
    parameters: Parameters, evaluation: Mapping[str, Any], report: Reporting | None
) -> list[str]:
    """A table, and evaluation.json in the job_dir.

    Returns:
        What speaks against the model, in sentences.
    """
    flags = parameters.flags
    step = int(evaluation["global_step"])
    measured = {"step": step, **metrics.plain(evaluation)}
    measured.update(report.measured if report else {})
    print("", contents.table(measured), "", sep="\n")
    found = doubts(metrics.evidence(evaluation))
    about = {
        "warnings": found,
        "test_dir": flags.test_dir,
        "threshold": parameters.threshold,
        "corrected": parameters.correction is not None,
        "calibrated": parameters.calibration is not None,
    }
    path = contents.write_json(flags.job_dir, contents.EVALUATION, {**measured, **about})
    del measured["step"]
    evaluations.remember(flags.job_dir, step, flags.test_dir, measured)
    print(f"evaluation: {path}", flush=True)
    return found


def write_report(parameters: Parameters, report: Reporting, rises: Rises | None) -> None:
    """The page of what was evaluated, beside what the same model came to on other files."""
    known = evaluations.of_step(parameters.flags.job_dir, report.step)
    report.write(importance=rises, evaluations=known)
