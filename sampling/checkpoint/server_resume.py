"""Going on after a stop where workers do not wait for each other (parameter servers)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from sampling import checks
from sampling.checkpoint import server_states
from sampling.checkpoint.estimator import restore, worker_state_path, write_state
from sampling.errors import SamplingError
from sampling.input_fn import cluster
from sampling.input_fn.input_fn import InputFn


class WorkerState(tf.compat.v1.train.SessionRunHook):
    """A hook of every worker: it keeps where the worker's input is, and goes on from there.

        state = WorkerState(input_fn, config)
        hooks = [state, SaveWhenAllAreDone(state, save_secs=600)] if state.is_chief else [state]
        spec = tf.estimator.TrainSpec(state.input_fn, state.max_steps, hooks)

    After every `every_steps` batches that this worker has trained on, a file in the model_dir says
    where its input is, with the global step that is read then. It has less than 1 KB. What those
    batches have changed is in every checkpoint of that step or a later one, if the step is counted
    after the change, as optimizers do. A worker goes on from its latest state that is not after the
    checkpoint: no row is left out, and those of at most `every_steps` batches are trained on again,
    which it says on stderr. (Written when a checkpoint appears, a state would be ahead of it, and
    rows in between would be lost.)

    A worker that is started again while the others train on does the same from its latest state.
    When the chief is started again, or a parameter server, the model goes back to the checkpoint.
    Then the others end with an error, and are to be started again, too.

    Making one restores the input function. The chief's has to be made before its training starts;
    the others wait for that. In an evaluator or parameter server it does nothing.

    Args:
        input_fn: what is trained on.
        config: the Estimator's RunConfig, of a cluster with parameter servers.
        every_steps: batches of this worker's from one state to the next.

    Raises:
        SamplingError: an argument is out of range, the workers train in step, there is no
            model_dir or
            no chief, the checkpoint is of another number of workers or was trained without this
            hook, or a state can't be read or is of another input function: what differs is named.
    """

    def __init__(self, input_fn: InputFn, config: Any, every_steps: int = 100):
        self._every = checks.whole_number("every_steps", every_steps, 1)
        self._input_fn, self._config, self.model_dir = input_fn, config, config.model_dir
        self._task = task = cluster.task()
        if cluster.workers(config, None).padded:
            raise SamplingError(
                f"config.train_distribute is {config.train_distribute}, by which workers train in "
                "step, expected parameter servers; pass InputStateListener or SaveInStep instead"
            )
        if self.model_dir is None:
            raise SamplingError(
                "config.model_dir is None, expected where states and checkpoints are; pass it to "
                "RunConfig"
            )
        self._worker, self._workers = task.shard.index, task.workers
        self._session: Any = None
        self._trained = 0
        self._state_after: Callable[[int], dict[str, Any]]
        if task.type not in (cluster.PS, cluster.EVALUATOR):
            self._run = self._enter()
            self._resume()

    def input_fn(
        self,
        mode: str | None = None,
        params: Any = None,
        config: Any = None,
        input_context: Any = None,
    ) -> tf.data.Dataset:
        """What is left of this worker's rows, which may be none."""
        dataset = self._input_fn(mode, params, config, input_context)
        return dataset if self._has_more else dataset.take(0)

    @property
    def is_chief(self) -> bool:
        """Whether this worker saves checkpoints."""
        return self._task.type == cluster.CHIEF

    @property
    def max_steps(self) -> int | None:
        """For TrainSpec: who trains ends with its rows, since repeated ones count as steps, too;
        an evaluator with a checkpoint of so many steps."""
        epochs = self._input_fn.num_epochs
        if self._task.type != cluster.EVALUATOR or epochs is None:
            return None
        return epochs * self._input_fn.global_steps_per_epoch(self._config)

    @property
    def all_are_done(self) -> bool:
        """Whether every worker has trained on all of its rows."""
        return all(
            server_states.is_done(self.model_dir, worker, self._run)
            for worker in range(self._workers)
        )

    def begin(self) -> None:
        """Called after the input function, so that its latest call is the one trained on."""
        self._state_after = self._input_fn.state_by_batches()
        self._trained = 0

    def after_create_session(self, session: Any, coord: Any) -> None:
        if self._session is not None:
            raise SamplingError(self._lost("a parameter server was started again"))
        self._session = session
        self._write(session)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._trained += 1
        if self._trained % self._every == 0:
            self._write(run_context.session)

    def end(self, session: Any) -> None:
        self._write(session, done=True)

    def _enter(self) -> server_states.Run:
        if self.is_chief:
            return server_states.begin(self.model_dir, self._workers)
        return server_states.join(self.model_dir, self._workers, self._config.cluster_spec)

    def _resume(self) -> None:
        self._steps = server_states.steps_of_states(self.model_dir, self._worker, self._workers)
        state: dict[str, Any] = {"rows": 0, "every_steps": self._every}
        if self._steps:
            state = restore(self._input_fn, self._path(self._steps[-1]))
        if self._steps or self._run.step:
            again = 0 if state.get("done") else state["every_steps"] * self._input_fn.batch_size
            print(
                f"worker {self._worker} of {self._workers} goes on after {state['rows']:,} rows; "
                f"at most {again:,} of its rows are trained on again",
                file=sys.stderr,
            )

    @property
    def _has_more(self) -> bool:
        epochs = self._input_fn.num_epochs
        return epochs is None or self._input_fn.epochs_done < epochs

    def _path(self, step: int) -> str:
        return worker_state_path(self.model_dir, step, self._worker, self._workers)

    def _write(self, session: Any, done: bool = False) -> None:
        """Step, run, file: in this order nothing is written that a new run would go on with."""
        step = int(session.run(tf.compat.v1.train.get_global_step(session.graph)))
        run = server_states.current(self.model_dir)
        if run is None or run.key != self._run.key:
            raise SamplingError(self._lost("the chief was started again"))
        about = {"run": run.key, "every_steps": self._every, "done": done}
        write_state(self._path(step), {**self._state_after(self._trained), **about})
        kept = server_states.needed([*self._steps, step], server_states.checkpoints(self.model_dir))
        for old in {*self._steps} - kept - {step}:
            tf.io.gfile.remove(self._path(old))
        self._steps = sorted({*kept, step})

    def _lost(self, why: str) -> str:
        return (
            f"{why}, which took the model back to a checkpoint, and worker {self._worker} of "
            f"{self._workers} has trained since; start this process again, too"
        )
