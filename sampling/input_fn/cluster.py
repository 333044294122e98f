"""Many workers: which of them this process is, by InputContext, RunConfig or TF_CONFIG."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from sampling.errors import SamplingError
from sampling.order.shares import EVERYTHING, Shard

CHIEF, MASTER, WORKER, PS, EVALUATOR = "chief", "master", "worker", "ps", "evaluator"
_LEADERS = (CHIEF, MASTER)  # two words for the worker that also saves
_WORDS = (*_LEADERS, WORKER, PS, EVALUATOR)


@dataclasses.dataclass(frozen=True)
class Task:
    """A process's place in a cluster; the defaults are those of a process alone.

    Args:
        type: "chief" (master too), "worker", "ps" or "evaluator".
        index: among those of its type.
        workers: that train, the chief included.
        ps: parameter servers.
        has_chief: whether one of the workers is called so.
    """

    type: str = CHIEF
    index: int = 0
    workers: int = 1
    ps: int = 0
    has_chief: bool = True

    @property
    def is_alone(self) -> bool:
        """Whether it is the one process that trains."""
        return self.workers == 1 and self.type == CHIEF

    @property
    def shard(self) -> Shard:
        """What rows it trains on: the chief is worker 0, worker i is i + 1 where there is one."""
        if self.workers == 1 or self.type in (PS, EVALUATOR):
            return EVERYTHING
        index = self.index if self.type == CHIEF else self.index + self.has_chief
        return Shard(index, self.workers)


def task(text: str | None = None) -> Task:
    """The task that TF_CONFIG (or a text like it) names; without it, or {}, a process alone.

    Raises:
        SamplingError: it is no JSON object, has no chief beside parameter servers, or names a task
            that the cluster does not have.
    """
    text = os.environ.get("TF_CONFIG", "") if text is None else text
    config = _parsed(text) if text.strip() else {}
    cluster, own = (_member(config, name) for name in ("cluster", "task"))
    if not cluster or not own:
        return Task()
    return _checked(cluster, own.get("type"), own.get("index"))


def shard(mode: str | None, config: Any, input_context: Any) -> Shard:
    """Which rows a call of an input function is for.

    Args:
        mode: what is not for training is read whole, unless there is an input_context.
        config: the Estimator's RunConfig, or None.
        input_context: the tf.distribute.InputContext, or None; it goes before config.

    Raises:
        SamplingError: TF_CONFIG is wrong, or names several workers and nothing says whether the
            rows are to be divided among them.
    """
    if input_context is not None:
        number = input_context.num_input_pipelines
        replicas = max(1, input_context.num_replicas_in_sync // number)
        if (number == 1 and replicas == 1) or not _in_step(config):
            return Shard(input_context.input_pipeline_id, number)
        return Shard(input_context.input_pipeline_id, number, True, replicas)
    if mode in ("eval", "infer"):
        return EVERYTHING
    if config is not None:
        return _task_of(config).shard
    found = task()
    if found.shard != EVERYTHING:
        raise SamplingError(
            f"TF_CONFIG names {found.workers} workers, and neither config nor input_context says "
            "whether they divide the rows; pass the RunConfig or the InputContext, or "
            "input_context=tf.distribute.InputContext() for all rows"
        )
    return EVERYTHING


def workers(config: Any, input_context: Any) -> Shard:
    """One of the workers that train; an evaluator knows, too, how many there are.

    Args:
        config, input_context: see `shard`.
    """
    if input_context is not None:
        return shard("train", config, input_context)
    strategy = getattr(config, "train_distribute", None)
    in_step = strategy is not None and _in_step(config)
    is_told = config is None or config.task_type == EVALUATOR or not (strategy is None or in_step)
    number = (task() if is_told else _task_of(config)).workers  # a strategy makes RunConfig forget
    if strategy is None or not in_step:
        return Shard(0, number)
    replicas = max(1, strategy.num_replicas_in_sync // number)
    return Shard(0, number, number * replicas > 1, replicas)


def _task_of(config: Any) -> Task:
    """What a RunConfig has made of TF_CONFIG."""
    types = config.cluster_spec.as_dict() if config.cluster_spec else {}
    has_chief = any(name in types for name in _LEADERS)
    type_ = CHIEF if config.task_type in (*_LEADERS, None) else config.task_type
    workers = config.num_worker_replicas or 1
    return Task(type_, config.task_id or 0, workers, config.num_ps_replicas or 0, has_chief)


def _in_step(config: Any) -> bool:
    """Whether workers wait for each other in every step; with parameter servers they don't."""
    strategy = getattr(config, "train_distribute", None) or tf.distribute.get_strategy()
    servers = tf.compat.v1.distribute.experimental.ParameterServerStrategy
    return not isinstance(strategy, (servers, tf.distribute.experimental.ParameterServerStrategy))


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        config = json.loads(text)
    except RecursionError:
        raise SamplingError(
            f"TF_CONFIG is {_short(text)}, which is nested too deeply; fix or unset it"
        ) from None
    except ValueError as error:
        raise SamplingError(
            f"TF_CONFIG is {_short(text)}, which is not JSON ({error}); fix or unset it"
        ) from None
    if not isinstance(config, dict):
        raise SamplingError(f"TF_CONFIG is {_short(text)}, expected a JSON object; fix or unset it")
    return config


def _member(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = config.get(name) or {}
    if not isinstance(value, dict):
        raise SamplingError(
            f"{name!r} in TF_CONFIG is {_short(value)}, expected a JSON object; fix it"
        )
    return value


def _short(value: Any) -> str:
    """As it is, if it is no longer than a line."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:160]}... ({len(text):,} characters)"


def _check_addresses(cluster: Mapping[str, Any]) -> None:
    for name, addresses in cluster.items():
        is_list = isinstance(addresses, list)
        if not is_list or not all(isinstance(each, str) and each for each in addresses):
            raise SamplingError(
                f"{name!r} in the cluster of TF_CONFIG is {_short(addresses)}, expected a list of "
                'addresses such as ["10.0.0.1:2222"]; fix it'
            )


def _checked(cluster: Mapping[str, Any], type_: Any, index: Any) -> Task:
    _check_addresses(cluster)
    known = ", ".join(f"{name} ({len(addresses)})" for name, addresses in cluster.items())
    leaders = [name for name in _LEADERS if cluster.get(name)]
    if sum(len(cluster[name]) for name in leaders) > 1:
        raise SamplingError(f"TF_CONFIG names a cluster of {known}, expected one chief; leave one")
    if cluster.get(PS) and not leaders:
        raise SamplingError(
            f"TF_CONFIG names a cluster of {known} without a chief, which starts the training and "
            "saves it; make one of the workers the chief"
        )
    if type_ not in _WORDS or (type_ not in cluster and type_ != EVALUATOR):
        raise SamplingError(
            f"TF_CONFIG says that the task is {type_!r}, expected one of its cluster, {known}, or "
            "evaluator; fix it"
        )
    number = len(cluster[type_]) if type_ != EVALUATOR else None
    is_index = isinstance(index, (int, str)) and str(index).isdecimal()
    if not is_index or (number is not None and int(index) >= number):
        raise SamplingError(
            f"TF_CONFIG says that the task is {type_} {index!r}, expected a number"
            + (f" from 0 to {number - 1}" if number else "")
            + "; fix it"
        )
    workers = len(leaders) + len(cluster.get(WORKER, ()))
    plain = CHIEF if type_ in _LEADERS else type_
    return Task(plain, int(index), max(1, workers), len(cluster.get(PS, ())), bool(leaders))
