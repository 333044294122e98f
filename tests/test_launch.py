"""Clusters on this machine: started, watched, ended together; and the trainer in one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from sampling.checkpoint import server_states
from sampling.errors import SamplingError
from tests.conftest import SCHEMA, write_classes
from trainer import launch, task
from trainer.distributed import local_cluster
from trainer.distributed.local_cluster import Cluster, Role

PS, CHIEF, WORKER, EVALUATOR = local_cluster.tasks(2, 1, True)
# What a process of a cluster knows: `me` is its type, `index` its number.
PRELUDE = """
import json, os, sys, time
config = json.loads(os.environ["TF_CONFIG"])
me, index = config["task"]["type"], config["task"]["index"]
"""


def run(
    script, tasks=(PS, CHIEF, WORKER, EVALUATOR), silent_secs=300, evaluator_secs=300, restarts=0
):
    command = [sys.executable, "-c", PRELUDE + script]
    with (
        local_cluster.tf_configs(tasks) as configs,
        Cluster(command, configs, restarts=restarts) as cluster,
    ):
        try:
            cluster.wait(silent_secs, evaluator_secs)
        finally:
            processes = cluster.processes
    assert all(process.poll() is not None for process in processes.values())
    return {str(each): process.returncode for each, process in processes.items()}


def test_the_first_worker_is_the_chief_and_each_has_a_port_of_its_own():
    with local_cluster.tf_configs([PS, CHIEF]) as found:
        configs = {key: json.loads(text) for key, text in found.items()}
        [port] = [int(each.rpartition(":")[2]) for each in configs[PS]["cluster"]["ps"]]
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))  # nobody takes it before its process does
        with pytest.raises(SamplingError, match=f"port {port}, which ps 0 would"):
            local_cluster.tf_configs([PS], port).__enter__()
    assert configs[CHIEF]["cluster"] == configs[PS]["cluster"]
    assert configs[CHIEF]["task"] == {"type": "chief", "index": 0}
    addresses = [each for of_type in configs[PS]["cluster"].values() for each in of_type]
    assert len(set(addresses)) == 2
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    names = [str(each) for each in local_cluster.tasks(3, 2, True)]
    assert names == ["ps 0", "ps 1", "chief", "worker 0", "worker 1", "evaluator"]


def test_servers_and_evaluator_are_ended_when_the_training_has_ended(capfd, tmp_path):
    codes = run(
        f"""
print("I am", me, flush=True)
print("no result", file=sys.stderr, flush=True)
open({str(tmp_path)!r} + "/" + me, "w").close()
while me in ("ps", "evaluator") or len(os.listdir({str(tmp_path)!r})) < 4:
    time.sleep(0.05)
""",
        evaluator_secs=0,
    )
    assert codes["chief"] == codes["worker 0"] == 0
    assert codes["ps 0"] == codes["evaluator"] == -signal.SIGTERM
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == sorted(
        f"[{name}] I am {name.split()[0]}" for name in ("ps 0", "chief", "worker 0", "evaluator")
    )
    assert err.count("] no result\n") == 4


def test_an_evaluator_that_is_not_ready_is_waited_for(capfd):
    codes = run(
        """
if me == "ps": time.sleep(600)
if me == "evaluator":
    time.sleep(1)
    print("last evaluation", flush=True)
"""
    )
    assert codes["evaluator"] == 0
    assert "[evaluator] last evaluation" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("end", "named"),
    [
        ("sys.exit(3)", "worker 0 ended with exit status 3; the other"),
        ("os.kill(os.getpid(), 9)", "worker 0 was killed by signal 9"),
    ],
)
def test_when_a_process_dies_all_are_ended_and_it_is_named(end, named):
    script = f"\nif me == 'worker': {end}\ntime.sleep(600)"
    with pytest.raises(SamplingError, match=named):
        run(script)


def test_a_parameter_server_that_ends_is_missed():
    with pytest.raises(SamplingError, match="ps 0 ended with exit status 0"):
        run("\nif me != 'ps': time.sleep(600)")


def test_a_worker_that_hangs_is_named():
    script = """
while True:
    time.sleep(0.1)
    if me == "chief": print("step", flush=True)
"""
    with pytest.raises(SamplingError, match="worker 0 has said nothing for 8 seconds"):
        run(script, silent_secs=8)  # in which a busy machine lets the chief say something


@pytest.mark.parametrize(
    ("first", "how", "silent_secs", "starts"),
    [
        ("worker", "sys.exit(1)", 300, {"ps": 1, "chief": 1, "worker": 2}),
        ("worker", "time.sleep(600)", 8, {"ps": 1, "chief": 1, "worker": 2}),
        ("chief", "sys.exit(1)", 300, {"ps": 2, "chief": 2, "worker": 2}),
        ("ps", "sys.exit(0)", 300, {"ps": 2, "chief": 2, "worker": 2}),
    ],
)
def test_a_worker_starts_again_alone_and_others_with_all(
    first, how, silent_secs, starts, tmp_path, capfd
):
    run(
        f"""
folder = {str(tmp_path)!r}
with open(os.path.join(folder, me), "a") as file: file.write(".")
while len(os.listdir(folder)) < 3: time.sleep(0.05)
if me == {first!r} and os.path.getsize(os.path.join(folder, me)) == 1: {how}
while me == "ps" or any(
    os.path.getsize(os.path.join(folder, name)) < times for name, times in {starts!r}.items()
):
    time.sleep(0.1)
    print("alive", flush=True)
""",
        tasks=(PS, CHIEF, WORKER),
        silent_secs=silent_secs,
        restarts=1,
    )
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == starts
    who = "it is" if first == "worker" else "all processes are"
    assert f"; {who} started again, 0 restarts are left" in capfd.readouterr().err


def test_a_process_that_does_not_want_to_end_is_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(local_cluster, "_END_SECS", 0.5)
    codes = run(
        f"""
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({str(tmp_path)!r} + "/" + me, "w").close()
while me == "ps" or not os.path.exists({str(tmp_path)!r} + "/ps"):
    time.sleep(0.05)
"""
    )
    assert codes["ps 0"] == -signal.SIGKILL


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_the_launcher_is_stopped_no_process_is_left_behind(signal_, tmp_path):
    """Its processes are those of a module that writes down who runs it."""
    script = f"""
import sys
from trainer import launch
from trainer.distributed import local_cluster
code = '''
import os, pathlib, time
pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch()
time.sleep(600)
'''
run = launch._run
launch._run = lambda command, *rest: run([sys.executable, "-c", code], *rest)
launch.main(["--", "propensity", "--mode=train"])
"""
    launcher = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    until = time.monotonic() + 300
    while len(list(tmp_path.iterdir())) < 3:
        assert time.monotonic() < until and launcher.poll() is None
        time.sleep(0.05)
    launcher.send_signal(signal_)
    code = launcher.wait(300)
    assert code == (-signal_ if signal_ == signal.SIGKILL else 128 + signal_)
    pids = [int(path.name) for path in tmp_path.iterdir()]
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.05)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "nothing after --"),
        (["--workers=2"], "nothing after --"),
        (["--", "propensity", "--mode=evaluate"], "no --mode=train"),
        (["--ps=0", "--", "propensity", "--mode=train"], "--ps is 0 and --workers is 2"),
        (["--workers=0", "--", "propensity", "--mode", "train"], "--workers: found '0'"),
    ],
)
def test_a_command_line_that_makes_no_cluster_is_refused(arguments, named, capsys):
    with pytest.raises(SystemExit) as exited:
        launch.main(arguments)
    assert exited.value.code == 2
    assert named in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as exited:
            launch.main([f"--first_port={port}", "--", "propensity", "--mode=train"])
    assert exited.value.code == 1
    assert f"port {port}, which ps 0 would listen to, is taken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "TF_CONFIG is '{', which is not JSON"),
        (
            '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}',
            "chief",
        ),
        ('{"cluster": {"chief": ["a:1"]}, "task": {"type": "boss", "index": 0}}', "'boss'"),
        (
            '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, '
            '"task": {"type": "chief", "index": 0}}',
            "2 workers and no ps",
        ),
    ],
)
def test_the_trainer_says_what_is_wrong_with_tf_config(text, named, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(SystemExit) as exited:
        task.main(["propensity", "--mode=train", f"--job-dir={tmp_path}"])
    assert exited.value.code == 1
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["recommender", "--restart"], "--restart is given and TF_CONFIG names 2 workers, which c"),
        (["recommender", "--patience=3"], "--patience is given and TF_CONFIG names 2 workers, wh"),
        (["classes", "--restart"], "--restart is given and TF_CONFIG names 2 workers, which c"),
        (["propensity", "--restart"], "--restart is given and TF_CONFIG names 2 workers, which ca"),
        (["propensity", "--best_metric=auc"], "--best_metric is given and TF_CONFIG names 2 wor"),
    ],
)
def test_what_several_processes_can_not_do(arguments, named, monkeypatch, capsys, tmp_path):
    cluster = {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1"]}
    config = {"cluster": cluster, "task": {"type": "chief", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    write_classes(tmp_path, 60, 600)
    (tmp_path / "schema.json").write_text(SCHEMA.to_json())
    positives, negatives = (f"{tmp_path}/{name}-000.csv" for name in ("positive", "negative"))
    files = {
        "propensity": [f"--positive_dir={positives}", f"--negative_dir={negatives}"],
        "classes": [f"--train_dir={positives},{negatives}"],
        "recommender": [f"--train_dir={positives}", "--user_key=id", "--item_key=city"],
    }
    more = [f"--schema={tmp_path}/schema.json", "--label=label", f"--test_dir={negatives}"]
    with pytest.raises(SystemExit):
        task.main(
            [*arguments, "--mode=train", f"--job-dir={tmp_path}", *files[arguments[0]], *more]
        )
    assert named in capsys.readouterr().err


def test_the_launcher_sets_the_old_model_aside_before_it_starts(tmp_path, monkeypatch, capsys):
    (tmp_path / "checkpoint").write_text("")
    commands = []
    monkeypatch.setattr(launch, "_run", lambda command, *_: commands.append(command) or 0)
    job = ["--", "propensity", "--mode=train", f"--job-dir={tmp_path}", "--restart"]
    with pytest.raises(SystemExit):
        launch.main(job)
    assert commands[0][-3:] == job[1:-1]
    assert (tmp_path / "replaced-1/checkpoint").exists()
    assert "what was there: " in capsys.readouterr().err


def test_a_cluster_trains_on_every_row_once(tmp_path, capfd):
    """A chief, a worker, a parameter server and an evaluator, by the command that starts them."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_classes(folder, 60, 600, 2, 3)
    (folder / "schema.json").write_text(SCHEMA.to_json())
    job_dir = tmp_path / "job"
    arguments = [
        *("--workers=2", "--ps=1", "--evaluator", "--evaluator_secs=60", "--"),
        *("propensity", "--mode=train"),
        *(f"--job-dir={job_dir}", f"--schema={folder}/schema.json", "--label=label"),
        *(f"--positive_dir={folder}/positive-*.csv", f"--negative_dir={folder}/negative-*.csv"),
        *(f"--test_dir={folder}/*.csv", "--forward=id", "--num_epochs=3", "--batch_size=8"),
        *("--hidden_units=2", "--multiplier=1", "--eval_secs=1"),
    ]
    with pytest.raises(SystemExit) as exited:
        launch.main(arguments)
    out, err = capfd.readouterr()
    assert exited.value.code == 0, out + err
    evaluation = json.loads((job_dir / "evaluation.json").read_text())
    assert evaluation["step"] == 3 * 2 * 8  # each worker has 30 of either class: 8 batches
    assert evaluation["rows"] == 660
    assert "[chief] rows_in_files " in out and "[chief] model: " in out
    assert "[worker 0] rows_in_files" not in out
    assert "[worker 0] training" in err and "[chief] training" in err
    assert "[evaluator] evaluating" in err


def test_a_worker_that_is_killed_goes_on_where_it_was(tmp_path, capfd, monkeypatch):
    write_classes(tmp_path, 60, 600, 2, 3)
    own = [str(tmp_path), "custom", "--every=3", "--killed=worker-0", "--killed_after=5"]
    command = [sys.executable, "-m", "tests.cluster_task", *own, "--pause=0.05", "--save_steps=4"]
    run_ = launch._run
    monkeypatch.setattr(launch, "_run", lambda _, *rest: run_(command, *rest))
    with pytest.raises(SystemExit) as exited:
        launch.main(["--workers=2", "--restarts=1", "--", "propensity", "--mode=train"])
    _, err = capfd.readouterr()
    assert exited.value.code == 0, err
    assert "worker 0 was killed by signal 9; it is started again, 0 restarts are left" in err
    assert "[worker 0] worker 1 of 2 goes on after 24 rows; at most 24 of its rows" in err
    of_chief, of_worker = check_rows(tmp_path, 2)
    assert len(of_chief) == 60
    assert len(of_worker) == 60 + 16  # it had trained on two batches since its state
    check_model(tmp_path, 1, repeated=16)
    # The chief has done its 8 batches before the worker is there, and goes on saving.
    saved = server_states.checkpoints(str(tmp_path / "model"))
    assert saved[-1] == 18 and any(8 < step < 18 for step in saved)


def check_rows(folder, workers):
    """Together they have each positive once, as many negatives, and none two workers have."""
    of_workers = []
    for path in sorted(folder.glob("ids-*.txt")):
        lines = path.read_text().splitlines()
        of_workers.append([row for line in lines for row in json.loads(line)])
    rows = [row for each in of_workers for row in set(each)]
    assert len(of_workers) == workers and all(of_workers)
    assert len(rows) == len(set(rows)) == 120
    assert set(range(60)) <= set(rows)
    return of_workers


def check_model(folder, epochs, repeated):
    """It has learned from every row that it should have (negatives are none twice in ten epochs),
    and from so many twice, at most."""
    seen = tf.train.load_variable(str(folder / "model"), "seen")
    assert seen[:60].min() >= epochs and np.count_nonzero(seen[60:]) == 60 * epochs
    assert seen.sum() - 120 * epochs <= repeated
    return seen.sum() - 120 * epochs


def test_a_task_is_told_by_name():
    assert [str(Role("ps", 1)), str(Role("chief", 0))] == ["ps 1", "chief"]
