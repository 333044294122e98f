"""In the place of tensorflow.python.distribute.estimator_training, which TensorFlow 2.16 dropped.

tensorflow-estimator asks it for all that has to do with TF_CONFIG and a strategy together, such as
MultiWorkerMirroredStrategy: every process runs the same program, and TensorFlow's distribute
coordinator tells each what it is. Clusters of parameter servers without a strategy don't come here.
"""

from __future__ import annotations

import copy
from typing import Any

import tensorflow as tf
from tensorflow.python.distribute import distribute_coordinator, distribute_coordinator_context

from sampling.errors import SamplingError

_IN_STEP = distribute_coordinator.CoordinatorMode.INDEPENDENT_WORKER


def init_run_config(config: Any, tf_config: dict[str, Any]) -> None:
    """Completes a RunConfig that has a strategy.

    Raises:
        SamplingError: a strategy is given twice.
        NotImplementedError: experimental_distribute.remote_cluster is given.
    """
    _take_experimental(config)
    cluster = tf.train.ClusterSpec(tf_config.get("cluster", {}))
    config._distribute_coordinator_mode = None
    config._init_distributed_setting_from_environment_var({})
    if cluster and "master" not in cluster.jobs and config._train_distribute:
        # All else is known when the processes have met.
        config._cluster_spec = cluster
        config._distribute_coordinator_mode = _IN_STEP
    else:
        config._init_distributed_setting_from_environment_var(tf_config)
        config._maybe_overwrite_session_config_for_distributed_training()


def should_run_distribute_coordinator(config: Any) -> bool:
    """Whether this process is one of several that train in step."""
    return getattr(config, "_distribute_coordinator_mode", None) == _IN_STEP and bool(
        config.cluster_spec
    )


def train_and_evaluate(estimator: Any, train_spec: Any, eval_spec: Any, executor_cls: Any) -> None:
    """Trains as a worker, evaluates checkpoints as the evaluator."""

    def train(strategy: Any) -> None:
        local = _in_its_place(estimator, "train", strategy)
        local.train(train_spec.input_fn, list(train_spec.hooks), max_steps=train_spec.max_steps)

    def evaluate(strategy: Any) -> None:
        local = _in_its_place(estimator, "eval", strategy)
        executor_cls(local, train_spec, eval_spec)._start_continuous_evaluation()

    config = estimator.config
    distribute_coordinator.run_distribute_coordinator(
        train,
        config.train_distribute,
        evaluate,
        config.eval_distribute,
        mode=_IN_STEP,
        session_config=config.session_config,
    )


def estimator_train(estimator: Any, *args: Any) -> None:
    _refuse("train")


def estimator_evaluate(estimator: Any, *args: Any) -> None:
    _refuse("evaluate")


def _refuse(method: str) -> None:
    raise SamplingError(
        f"Estimator.{method} was called in a cluster with a strategy, expected "
        "tf.estimator.train_and_evaluate, which gives each process its part"
    )


def _take_experimental(config: Any) -> None:
    given = config._experimental_distribute
    if not given:
        return
    if given.remote_cluster:
        raise NotImplementedError(
            f"experimental_distribute.remote_cluster does not work on TensorFlow {tf.__version__}; "
            "start each process with its own TF_CONFIG"
        )
    for name in ("train_distribute", "eval_distribute"):
        strategy = getattr(given, name)
        if strategy is None:
            continue
        if getattr(config, f"_{name}"):
            raise SamplingError(
                f"{name} is given twice, by itself and in experimental_distribute; give it once"
            )
        setattr(config, f"_{name}", strategy)


def _in_its_place(estimator: Any, use: str, strategy: Any) -> Any:
    """A copy of the estimator, which knows this process's place and no longer asks for it."""
    context = distribute_coordinator_context.get_current_worker_context()
    cluster = context.cluster_spec or tf.train.ClusterSpec({})
    if context.task_type == "evaluator":
        cluster = tf.train.ClusterSpec({})  # it is on its own
    jobs = {job: cluster.num_tasks(job) for job in cluster.jobs}
    local = copy.deepcopy(estimator)
    vars(local._config).update(
        _service=None,
        _cluster_spec=cluster,
        _task_type=context.task_type,
        _task_id=context.task_id,
        _master=context.master_target,
        _evaluation_master=context.master_target,
        _is_chief=context.is_chief,
        _num_ps_replicas=jobs.get("ps", 0),
        _num_worker_replicas=jobs.get("chief", 0) + jobs.get("worker", 0),
        _global_id_in_cluster=_place(jobs, context.task_type, context.task_id),
        _distribute_coordinator_mode=None,
    )
    setattr(local._config, f"_{use}_distribute", strategy)
    setattr(local, f"_{use}_distribution", strategy)
    return local


def _place(jobs: dict[str, int], task_type: str, task_id: int) -> int | None:
    """The process's number among all of them: the chief first, parameter servers last."""
    if not jobs:
        return None
    if not task_type:
        return 0
    order = sorted(jobs, key=lambda job: (job != "chief", job == "ps", job))
    return sum(jobs[job] for job in order[: order.index(task_type)]) + task_id
