"""Whatever is written appears whole or not at all, and nothing that exists is removed unasked."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
import tensorflow as tf

from sampling import InputFn, SamplingError, Schema, files
from sampling.__main__ import main
from sampling.files import manifest, owner
from tests import stress_writers
from tests.forked import Forked
from trainer.training.quiet import plain_errors

INPUTS = ["negative.csv", "positive.csv", "raw.csv", "schema.json"]
GONE = f"{owner.name().rsplit('-', 3)[0]}-{2**22 - 3}-5-00c0ffee"  # no process has that number


@pytest.fixture
def folder(tmp_path):
    frame = pd.DataFrame({"user": [f"u{i % 50}" for i in range(2000)], "item": range(2000)})
    frame["y"] = frame["item"] % 7 // 6
    frame.to_csv(tmp_path / "raw.csv", index=False)
    for label, name in enumerate(["negative", "positive"]):
        frame[frame["y"] == label].to_csv(tmp_path / f"{name}.csv", index=False)
    schema = Schema.from_dict({"user": str, "item": int, "y": int}, label="y")
    (tmp_path / "schema.json").write_text(schema.to_json())
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- what appears meanwhile ---


def test_a_folder_that_appears_meanwhile_stays(tmp_path):
    with (
        pytest.raises(ValueError, match=r"meanwhile, which stays.*result is .*out\.kept-1"),
        files.folder(tmp_path / "out") as stage,
    ):
        Path(stage, "ours").write_text("ours")
        (tmp_path / "out").mkdir()
        (tmp_path / "out/theirs").write_text("theirs")
    assert (tmp_path / "out/theirs").read_text() == "theirs"
    assert (tmp_path / "out.kept-1/ours").read_text() == "ours"
    assert names(tmp_path) == ["out", "out.kept-1"]


def test_a_folder_of_others_that_appears_is_not_overwritten(tmp_path):
    with (
        pytest.raises(ValueError, match=r"no output of ours to overwrite.*kept-1"),
        files.folder(tmp_path / "out", overwrite=True),
    ):
        (tmp_path / "out").mkdir()
        (tmp_path / "out/theirs").write_text("theirs")
    assert (tmp_path / "out/theirs").read_text() == "theirs"


def test_a_file_that_appears_meanwhile_stays(tmp_path):
    (tmp_path / "out.kept-1").write_text("an earlier one")
    with (
        pytest.raises(ValueError, match=r"meanwhile.*result is .*out\.kept-2"),
        files.whole(tmp_path / "out") as file,
    ):
        file.write(b"ours")
        (tmp_path / "out").write_text("theirs")
    assert (tmp_path / "out").read_text() == "theirs"
    assert (tmp_path / "out.kept-2").read_text() == "ours"


def attempt(path, meet, ended, name):
    try:
        with files.folder(path) as stage:
            Path(stage, "rows").write_text(name)
            meet.wait()
    except ValueError as error:
        ended.append(str(error))
    else:
        ended.append(name)


def test_of_two_writers_at_once_one_is_refused(tmp_path):
    for number in range(20):
        path, meet, ended = tmp_path / f"out{number}", threading.Barrier(2), []

        threads = [
            threading.Thread(target=attempt, args=(path, meet, ended, name)) for name in "ab"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [winner] = [each for each in ended if each in ("a", "b")]
        [error] = [each for each in ended if each not in ("a", "b")]
        assert (path / "rows").read_text() == winner and f"{path}.kept-1" in error
        assert (tmp_path / f"out{number}.kept-1/rows").read_text() != winner


def test_of_two_writers_in_a_bucket_the_second_is_refused():
    with files.folder("ram://writers/out") as stage:
        with files.create(f"{stage}/a") as file:
            file.write(b"ours")
        with pytest.raises(ValueError, match="holds"), files.folder("ram://writers/out"):
            pass
        with (
            pytest.raises(ValueError, match="expected nothing|no output of ours"),
            files.folder("ram://writers/out", overwrite=True),
        ):
            pass
    assert files.read_text("ram://writers/out/a") == "ours"


def put(path, text="x"):
    with files.create(path) as file:
        file.write(text.encode())


def found(folder):
    """The names of all files in a folder of a bucket."""
    return sorted(
        f"{directory}/{name}".replace("//", "/").partition(f"{folder}/")[2]
        for directory, _, names in tf.io.gfile.walk(f"ram://{folder}")
        for name in names
    )


def test_what_a_dead_writer_left_in_a_bucket_is_removed():
    for name in ("train/a/part-00000-of-00004.csv", f"_writing-{GONE}"):
        put(f"ram://abandoned/out/{name}")
    with files.folder("ram://abandoned/out") as stage:
        manifest.write(stage, manifest.build({}, {}, [], []))
    assert found("abandoned/out") == ["_manifest.json"]
    for name in ("train/theirs.csv", "part-00000-of-00004.csv", f"_writing-{GONE}"):
        put(f"ram://abandoned/mixed/{name}")
    with pytest.raises(ValueError, match="holds train"), files.folder("ram://abandoned/mixed"):
        pass
    assert found("abandoned/mixed") == ["train/theirs.csv"]


def test_a_writer_to_a_bucket_that_fails_removes_what_is_its_own():
    with pytest.raises(ValueError, match="fails"), files.folder("ram://failing/out") as stage:
        for name in ("ours.csv", "dev/ours.csv", "train/ours.csv"):
            put(f"{stage}/{name}")
        shard = "part-00001-of-00002.csv"
        others = ["theirs.csv", "train/theirs.csv", f"dev/{shard}", f".{'0f' * 16}/train/a/{shard}"]
        for name in others:  # the last two are of Beam's workers
            with tf.io.gfile.GFile(f"{stage}/{name}", "w") as file:
                file.write("x")
        raise ValueError("fails")
    assert found("failing/out") == ["theirs.csv", "train/theirs.csv"]


def test_a_file_that_appears_in_a_bucket_is_not_written_over():
    with (
        pytest.raises(ValueError, match=r"out/a exists already, expected nothing"),
        files.folder("ram://appears/out") as stage,
    ):
        with tf.io.gfile.GFile(f"{stage}/a", "w") as file:
            file.write("theirs")
        put(f"{stage}/a", "ours")
    assert files.read_text("ram://appears/out/a") == "theirs"


# --- every command ---


def commands(folder):
    raw, schema = str(folder / "raw.csv"), f"--schema={folder / 'schema.json'}"
    classes = [f"--{name}_dir={folder / name}.csv" for name in ("positive", "negative")]
    keys = ["--user_key=user", "--item_key=item"]
    return {
        "split": lambda *to: main(["split", raw, "--key=user", *to]),
        "sample": lambda *to: main(["sample", *classes, schema, "--label=y", *to]),
        "count": lambda *to: main(["count", raw, *to]),
        "vocab": lambda *to: main(["vocab", raw, "--column=user", *to]),
        "unobserved": lambda *to: main(["unobserved", raw, schema, "--label=y", *keys, *to]),
    }


@pytest.mark.parametrize("command", ["split", "sample", "count", "vocab", "unobserved"])
def test_a_command_replaces_only_what_it_is_told_to(folder, capsys, command):
    run, output = commands(folder)[command], folder / "out"

    def content():
        paths = [output] if output.is_file() else sorted(output.rglob("*"))
        return {str(path): path.read_bytes() for path in paths if path.is_file()}

    run(f"--output={output}")
    before = content()
    with pytest.raises(SystemExit):
        run(f"--output={output}")
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("tf-sampling: error: ") and "already, expected nothing" in error
    assert content() == before
    run(f"--output={output}", "--overwrite")
    assert content() == before
    assert names(folder) == sorted([*INPUTS, "out"])


def test_a_report_is_replaced_only_if_asked(tmp_path):
    pytest.importorskip("sklearn")
    contents = {"a.png": b"1", "report.html": b"2"}
    files.replace_all(str(tmp_path), contents, overwrite=False)
    with pytest.raises(ValueError, match=r"a\.png exists already"):
        files.replace_all(str(tmp_path), contents, overwrite=False)
    files.replace_all(str(tmp_path), {**contents, "a.png": b"3"})
    assert (tmp_path / "a.png").read_bytes() == b"3"


# --- what is left behind ---


def write_for_ever(path):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup has all below it ignore
    with files.cleaning_up(), files.folder(path), files.whole(f"{path}.txt"):
        time.sleep(60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_killed_writer_leaves_nothing_for_long(tmp_path, number):
    child = Forked(write_for_ever, tmp_path / "out")
    while len(list(tmp_path.rglob("made"))) < 2:
        assert child.poll() is None
        time.sleep(0.001)
    child.send_signal(number)
    child.wait()
    if number == signal.SIGKILL:
        assert len(names(tmp_path)) == 2
        with files.folder(tmp_path / "out") as stage:
            assert names(tmp_path) == sorted(
                [Path(stage).parent.name, *(n for n in names(tmp_path) if ".txt." in n)]
            )
        files.replace(tmp_path / "out.txt", "x")
        assert names(tmp_path) == ["out", "out.txt"]
    else:
        assert child.returncode == 128 + number and names(tmp_path) == []


def test_what_living_and_distant_writers_have_begun_stays(tmp_path):
    elsewhere = f".out.writing-{GONE.replace(owner.name().rsplit('-', 3)[0], 'elsewhere')}"
    (tmp_path / elsewhere).mkdir()
    (tmp_path / f".other.writing-{GONE}").mkdir()  # of a name that nobody may ever write again
    with files.folder(tmp_path / "out"), files.folder(tmp_path / "sub/out"):
        assert len(names(tmp_path)) == 3
        with files.folder(tmp_path / "second"):
            assert len(names(tmp_path)) == 4
    assert names(tmp_path) == [elsewhere, "out", "second", "sub"]


def test_names_may_be_as_long_as_names_are(tmp_path):
    for name in ("n" * 255, "ü" * 127):
        files.replace(tmp_path / name, "x")
        assert (tmp_path / name).read_text() == "x"


def test_the_folder_of_before_comes_back_from_a_writer_killed_while_renaming(tmp_path):
    left = tmp_path / f".out.writing-{GONE}"
    (left / "replaced").mkdir(parents=True)
    (left / "replaced/rows").write_text("of before")
    with pytest.raises(ValueError, match="holds rows already"), files.folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out/rows").read_text() == "of before"


def test_a_process_is_told_from_a_later_one_of_its_number():
    mine = owner.name()
    host, pid, start, random = mine.rsplit("-", 3)
    assert not owner.is_gone(mine)
    assert owner.is_gone(f"{host}-{pid}-{int(start) + 1}-{random}")
    assert not owner.is_gone(f"elsewhere-{2**22 - 3}-{start}-{random}") and not owner.is_gone("x")
    assert owner.shown(mine) == f"process {os.getpid()} on {host}"


# --- locks ---


def test_a_directory_is_held_by_one_at_a_time(tmp_path):
    with files.lock(str(tmp_path / "job"), "predicting"):
        message = rf"job/predicting is held by process {os.getpid()} on .*; wait until"
        with (
            pytest.raises(ValueError, match=message),
            files.lock(str(tmp_path / "job"), "predicting"),
        ):
            pass
        with files.lock(str(tmp_path / "job"), "something else"):
            pass
    assert names(tmp_path / "job") == []
    (tmp_path / "job/predicting").write_text(GONE)  # left by one that was killed
    with files.lock(str(tmp_path / "job"), "predicting"):
        pass


def test_a_directory_of_a_bucket_is_held_by_one_at_a_time():
    def held():
        return files.lock("ram://locks/job", "predicting")

    with held(), pytest.raises(ValueError, match="is held by process"), held():
        pass
    with files.create(f"ram://locks/job/_writing-predicting-{GONE}") as file:
        file.write(b"x")
    with held():
        pass


# --- disks that are full, files that may not be read ---


@pytest.mark.parametrize("command", ["split", "sample", "count", "vocab", "unobserved"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(folder, command):
    def run():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        commands(folder)[command](f"--output={folder}/out")

    ended = Forked(run)
    said = ended.wait()
    assert ended.returncode == 1 and "Traceback" not in said
    assert "can't be written ([Errno 27] File too large" in said.splitlines()[-1]
    assert names(folder) == INPUTS


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda: tf.io.write_file("/dev/full", "x"), "No space left on device"),
        (lambda: tf.io.write_file("/proc/x", "x"), "No such file or directory|denied"),
        (lambda: failing("/job/model.ckpt-1; Input/output error"), "Input/output error"),
    ],
)
def test_a_checkpoint_that_can_not_be_written_is_a_sentence(write, reason):
    with (
        pytest.raises(SamplingError, match=f"^[^{{]*({reason}); look for damaged .* /job"),
        plain_errors("/job"),
    ):
        write()


def failing(message):
    """As a session tells that an operation failed."""
    with tf.Graph().as_default():
        raise tf.errors.UnknownError(None, tf.no_op(), message)


def test_an_epoch_is_not_written_over_what_appears_meanwhile(folder, monkeypatch):
    schema = Schema.from_json(folder / "schema.json", label="y")
    input_fn, write = InputFn(str(folder / "raw.csv"), schema), manifest.write

    def appears(stage, made):
        (folder / "out").mkdir()
        (folder / "out/theirs").write_text("theirs")
        write(stage, made)

    monkeypatch.setattr(manifest, "write", appears)
    with pytest.raises(ValueError, match=r"kept-1"):
        input_fn.write_epoch(folder / "out")
    assert names(folder / "out") == ["theirs"]
    assert manifest.read(folder / "out.kept-1")["splits"]["epoch"]["rows"] == 2000


# --- more files than may be open ---


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_more_shards_than_files_may_be_open(tmp_path, file_format):
    frame = pd.DataFrame({"id": range(2600), "y": [f"c{i % 40}" for i in range(2600)]})
    frame.to_csv(tmp_path / "raw.csv", index=False)
    schema = Schema.from_dict({"id": int, "y": str}).to_json()
    flags = ["--label=y", "--classes=each", "--splits=train=1", f"--format={file_format}"]
    flags += [f"--schema={schema}", "--row_group_rows=3"]
    command = ["split", str(tmp_path / "raw.csv"), f"--output={tmp_path / 'out'}", *flags]

    def run():
        most = len(os.listdir("/proc/self/fd")) + 64
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        main(command)

    with Forked(run) as ended:
        pass
    assert ended.returncode == 0
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet}[file_format]
    paths = sorted((tmp_path / "out/train").rglob(f"*.{file_format}"))
    assert len(paths) == 160
    rows = pd.concat([read(path) for path in paths]).sort_values("id", ignore_index=True)
    pd.testing.assert_frame_equal(rows, frame)


# --- short forms of the long trials ---


def test_two_splits_at_once_lose_nothing(tmp_path):
    stress_writers.write_raw(tmp_path, 5_000)
    stress_writers.race(tmp_path, 2)


def test_a_killed_split_leaves_what_was_there(tmp_path):
    stress_writers.write_raw(tmp_path, 20_000)
    stress_writers.kill(stress_writers.commands(tmp_path)["split"], tmp_path, 3)
