"""Raw files to splits and classes: which row goes where, the manifest, what is refused."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
import resource
import shlex
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sampling import InputFn, InputFnDownsampleWithWeight, Schema, files
from sampling.__main__ import main
from sampling.files import manifest
from tests.forked import Forked
from tests.stress_prepare import peak_megabytes

SCHEMA = Schema.from_dict(
    {"customer": str, "visit": int, "amount": float, "city": str, "bought": int}, label="bought"
)
CITIES = ["Ulm", "Bad Ems", "Köln, am Rhein", 'the "Big" one', "two\nlines", "7", ""]


def rows(number, customers=40, seed=0, base_rate=0.2):
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer": [f"c{c:03}" for c in generator.integers(customers, size=number)],
            "visit": np.arange(number),
            "amount": generator.integers(1000, size=number) / 8,
            "city": [CITIES[c] for c in generator.integers(len(CITIES) - 3, size=number)],
            "bought": (generator.random(number) < base_rate).astype(int),
        }
    )


def write(folder, frame, files=3):
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / "schema.json").write_text(SCHEMA.to_json())
    for index, part in enumerate(np.array_split(np.arange(len(frame)), files)):
        frame.iloc[part].to_csv(folder / f"raw-{index}.csv", index=False)


def split(folder, *flags, raw="raw", output="out"):
    files = str(folder / raw / "*.csv")
    main(["split", files, f"--output={folder / output}", "--key=customer", *flags])
    return folder / output


def read(folder, glob="**/*.csv"):
    """All rows with the folder they are in, by visit."""
    parts = [
        pd.read_csv(path, dtype={"customer": str}, keep_default_na=False).assign(
            place=path.parent.relative_to(folder).as_posix()
        )
        for path in sorted(folder.glob(glob))
    ]
    return pd.concat(parts).sort_values("visit", ignore_index=True)


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code in (1, 2)
    return capsys.readouterr().err


# --- which row goes where ---


def test_every_row_is_in_one_place_and_a_customer_on_one_side(tmp_path):
    frame = rows(3000)
    write(tmp_path / "raw", frame)
    found = read(split(tmp_path, "--label=bought"))
    pd.testing.assert_frame_equal(found[frame.columns], frame)
    side = found["place"].str.split("/").str[0]
    assert side.groupby(found["customer"]).nunique().max() == 1 and set(side) == {
        "train",
        "dev",
        "test",
    }
    train = found[side == "train"]
    is_positive = train["place"] == "train/positive"
    np.testing.assert_array_equal(is_positive, train["bought"] == 1)
    assert set(found["place"]) == {"train/positive", "train/negative", "dev", "test"}


def test_the_side_follows_from_sha_256_of_seed_and_key(tmp_path):
    frame = rows(500, customers=300)
    write(tmp_path / "raw", frame)
    found = read(split(tmp_path, "--splits=a=0.5,b=0.3,c=0.2", "--seed=7"))

    def side(key):
        digest = hashlib.sha256(f"7:{key}".encode()).digest()
        fraction = int.from_bytes(digest[:8], "big") / 2**64
        return "a" if fraction < 0.5 else "b" if fraction < 0.8 else "c"

    assert found["place"].tolist() == found["customer"].map(side).tolist()


def test_whole_numbers_and_text_are_split_alike(tmp_path):
    frame = rows(300).assign(customer=lambda f: f["customer"].str[1:].astype(int))
    write(tmp_path / "raw", frame)
    typed = json.dumps([{"name": n, "type": t} for n, t in zip(frame, TYPES, strict=True)])
    (tmp_path / "numbers.json").write_text(typed)
    as_text = read(split(tmp_path, "--label=bought"))
    flags = "--label=bought", f"--schema={tmp_path / 'numbers.json'}"
    as_numbers = read(split(tmp_path, *flags, output="typed"))
    assert as_text["place"].tolist() == as_numbers["place"].tolist()


TYPES = ["INTEGER", "INTEGER", "FLOAT", "STRING", "INTEGER"]


@settings(max_examples=15)
@given(st.integers(1, 60), st.integers(1, 6), st.integers(1, 4), st.randoms(use_true_random=False))
def test_neither_order_nor_cutting_of_the_files_matters(tmp_path_factory, number, files, cut, mix):
    frame = rows(number, customers=20)
    order = list(range(number))
    mix.shuffle(order)
    folder = tmp_path_factory.mktemp("cut")
    write(folder / "raw", frame, min(files, number))
    write(folder / "other", frame.iloc[order], min(cut, number))
    shards = {
        name: {
            path.relative_to(made).as_posix(): Counter(path.read_text().splitlines())
            for path in made.rglob("*.csv")
        }
        for name, made in (
            ("raw", split(folder, "--label=bought", "--shards=2")),
            ("other", split(folder, "--label=bought", "--shards=2", raw="other", output="out2")),
        )
    }
    assert shards["raw"] == shards["other"]
    assert sum(sum(lines.values()) - 1 for lines in shards["raw"].values()) == number


def test_rows_keep_their_order_within_a_shard(tmp_path):
    write(tmp_path / "raw", rows(2000))
    for path in split(tmp_path, "--label=bought").rglob("*.csv"):
        assert pd.read_csv(path)["visit"].is_monotonic_increasing


def test_fractions_are_those_asked_for(tmp_path):
    frame = pd.DataFrame({"customer": np.arange(20_000), "visit": 0})
    write(tmp_path / "raw", frame)
    by_seed = {}
    for seed in (0, 1):
        flags = f"--seed={seed}", "--splits=train=0.7,dev=0.2,test=0.1", "--shards=5"
        made = split(tmp_path, *flags, output=f"out{seed}")
        by_seed[seed] = read(made).sort_values("customer")["place"].to_numpy()
        counts = Counter(by_seed[seed].tolist())
        observed = [counts[name] for name in ("train", "dev", "test")]
        assert stats.chisquare(observed, [14_000, 4_000, 2_000]).pvalue > 1e-4
        shards = manifest.read(made)["files"]
        per_shard = [each["rows"] for path, each in shards.items() if path.startswith("train")]
        assert len(per_shard) == 5 and stats.chisquare(per_shard).pvalue > 1e-4
    table = pd.crosstab(by_seed[0], by_seed[1])  # another seed is another, independent split
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_a_larger_share_only_adds_customers(tmp_path):
    write(tmp_path / "raw", rows(3000, customers=2000))
    small = read(split(tmp_path, "--splits=train=0.6,test=0.4"))
    large = read(split(tmp_path, "--splits=train=0.7,test=0.3", output="larger"))
    in_small, in_large = ({*f[f["place"] == "train"]["customer"]} for f in (small, large))
    assert in_small < in_large


# --- classes ---


def test_a_folder_for_each_of_many_classes(tmp_path):
    frame = rows(600).assign(bought=lambda f: f["visit"].map(lambda v: ["a", "b c", ".d"][v % 3]))
    write(tmp_path / "raw", frame)
    found = read(split(tmp_path, "--label=bought", "--classes=each", "--splits=train=1"))
    folders = {"a": "train/a", "b c": "train/b%20c", ".d": "train/%2Ed"}
    assert found["place"].tolist() == found["bought"].map(folders).tolist()


def test_labels_of_either_class_can_be_named(tmp_path):
    frame = rows(400).assign(bought=lambda f: np.where(f["bought"] == 1, "yes", "no"))
    frame.loc[::10, "bought"] = "maybe"
    write(tmp_path / "raw", frame)
    flags = "--label=bought", "--positive=yes", "--negative=no,maybe", "--by_class=dev,train"
    found = read(split(tmp_path, *flags))
    places = found[found["place"].str.startswith(("dev", "train"))]
    assert set(places["place"].str.split("/").str[0]) == {"dev", "train"}
    is_yes = places["bought"] == "yes"
    np.testing.assert_array_equal(places["place"].str.endswith("/positive"), is_yes)


# --- the manifest ---


def test_the_manifest_counts_as_pandas_does(tmp_path, capsys):
    frame = rows(2000)
    write(tmp_path / "raw", frame)
    flags = "--label=bought", f"--schema={tmp_path / 'schema.json'}", "--seed=3"
    out = split(tmp_path, *flags)
    made = manifest.read(out)
    found = read(out)
    side = found["place"].str.split("/").str[0]
    for name, sums in made["splits"].items():
        of_side = found[side == name]
        files = [path for path in out.rglob("*.csv") if path.is_relative_to(out / name)]
        assert sums["rows"] == len(of_side)
        assert sums["bytes"] == sum(path.stat().st_size for path in files)
        assert {c: each["rows"] for c, each in sums["classes"].items()} == {
            "positive": int((of_side["bought"] == 1).sum()),
            "negative": int((of_side["bought"] == 0).sum()),
        }
    positives = sum(path.stat().st_size for path in (out / "train/positive").iterdir())
    assert made["splits"]["train"]["classes"]["positive"]["bytes"] == positives
    paths = {path.relative_to(out).as_posix() for path in out.rglob("*.csv")}
    assert set(made["files"]) == paths
    for path, entry in made["files"].items():
        shard = pd.read_csv(out / path)
        assert (entry["rows"], entry["bytes"]) == (len(shard), (out / path).stat().st_size)
        assert entry["classes"].get("positive", 0) == (shard["bought"] == 1).sum()
    assert (made["seed"], made["key"], made["label"]) == (3, "customer", "bought")
    written = Schema.from_manifest(out)
    assert written.names == SCHEMA.names and written.label == "bought"
    assert "2,000 rows" in capsys.readouterr().out


def prepared(tmp_path, number=900):
    write(tmp_path / "raw", rows(number))
    flags = "--label=bought", f"--schema={tmp_path / 'schema.json'}", "--shards=1"
    return split(tmp_path, *flags)


def lie(out, path, counted):
    """Other counts in the manifest than there are rows, so that its use shows."""
    made = manifest.read(out)
    made["files"][path]["rows"] = counted
    (out / "_manifest.json").write_text(json.dumps(made))


def test_input_functions_take_the_counts_of_the_manifest(tmp_path):
    out = prepared(tmp_path)
    lie(out, "train/negative/part-00000-of-00001.csv", 123_456)
    lie(out, "dev/part-00000-of-00001.csv", 77)
    train = InputFnDownsampleWithWeight(
        str(out / "train/positive/*.csv"),
        str(out / "train/negative/*.csv"),
        schema=SCHEMA,
        is_train=True,
    )
    assert train.negative_size == 123_456
    assert InputFn(str(out / "dev"), SCHEMA).rows_per_epoch == 77


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("another size", r"has [\d,]+ bytes, [\d,]+ by it"),
        ("other bytes", "has the same size and another checksum"),
        ("another file", "is not in it"),
        ("foreign", None),
        ("no JSON", "can't be used, rows are counted"),
    ],
)
def test_a_manifest_is_not_trusted_over_other_files(tmp_path, change, message):
    out = prepared(tmp_path)
    shard = out / "dev/part-00000-of-00001.csv"
    real, before = len(pd.read_csv(shard)), shard.stat()
    lie(out, "dev/part-00000-of-00001.csv", 77)
    if change == "another size":
        shard.write_text(shard.read_text() + "c001,5,1.5,Ulm,0\n")
        real += 1
    elif change == "other bytes":  # one row more of the same bytes in all, and of the same time
        shard.write_text(shard.read_text()[:-17] + "c1,5,1,U,0\nc,,,,\n")
        real += 1
        os.utime(shard, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif change == "another file":
        shard = shard.rename(shard.with_name("a.csv"))
    else:
        text = (out / "_manifest.json").read_text()
        other = text.replace("tf-sampling", "others") if change == "foreign" else text[:50]
        (out / "_manifest.json").write_text(other)
    expected = pytest.warns(UserWarning, match=message) if message else contextlib.nullcontext()
    with expected:
        assert InputFn(str(out / "dev"), SCHEMA).rows_per_epoch == real


@pytest.mark.parametrize("counted", [5, 7777])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_count_that_turns_out_to_be_wrong_is_an_error(tmp_path, counted, workers):
    out = prepared(tmp_path)
    lie(out, "dev/part-00000-of-00001.csv", counted)
    input_fn = InputFn(str(out / "dev"), SCHEMA)
    assert input_fn.rows_per_epoch == counted
    context = tf.distribute.InputContext(workers, 0, workers)
    with pytest.raises(ValueError, match=rf"rows in the files, expected the {counted:,} that were"):
        list(input_fn.batches(input_context=context))
        _ = input_fn.rows_per_worker(workers)


def test_a_manifest_survives_copying_in_any_order(tmp_path):
    out = prepared(tmp_path)
    lie(out, "dev/part-00000-of-00001.csv", 77)
    shard = out / "dev/part-00000-of-00001.csv"
    for age in (-(10**9), 10**9):
        then = (out / "_manifest.json").stat().st_mtime_ns + age
        os.utime(shard, ns=(then, then))
        assert InputFn(str(out / "dev"), SCHEMA).rows_per_epoch == 77


@pytest.mark.parametrize("name", ["rows", "bytes", "crc32c", "classes"])
@pytest.mark.parametrize("value", [-100, 1.5, None, "7", True])
def test_a_manifest_that_says_what_can_not_be_is_an_error(tmp_path, name, value):
    manifest.write(tmp_path, {**manifest.build({}, {}, [], []), "files": {"a": ENTRY}})
    assert manifest.read(tmp_path)["files"] == {"a": ENTRY}
    if name == "crc32c" and value == "7":
        return
    (tmp_path / "a").write_text("x\n")
    wrong = {"a": {**ENTRY, name: value}}
    manifest.write(tmp_path, {**manifest.build({}, {}, [], []), "files": wrong})
    message = re.escape(f'_manifest.json: files["a"].{name} is {json.dumps(value)}, expected')
    for use in (manifest.read, lambda folder: InputFn(str(folder), SCHEMA).rows_per_epoch):
        (tmp_path / "a").write_text(",".join(SCHEMA.names) + "\n1,1,1,1,1\n")
        with pytest.raises(ValueError, match=message):
            use(tmp_path)


ENTRY = {"rows": 1, "bytes": 9, "crc32c": "01234567", "classes": {"positive": 1}}


@settings(max_examples=40)
@given(st.integers(0, 40_000), st.data())
def test_a_checksum_is_of_beginning_middle_and_end(tmp_path_factory, size, data):
    path = tmp_path_factory.getbasetemp() / "checked"
    content = bytearray(size)
    path.write_bytes(content)
    before = files.stat(str(path)).checksum()
    if not size:
        return
    seen = [range(0, 4096), range((size - 4096) // 2, (size + 4096) // 2), range(size - 4096, size)]
    at = data.draw(st.integers(0, size - 1))
    content[at] = 1
    path.write_bytes(content)
    changed = files.stat(str(path)).checksum() != before
    assert changed == (size <= 3 * 4096 or any(at in span for span in seen))


def test_folders_that_are_written_are_read_by_others(tmp_path):
    out = prepared(tmp_path)
    arguments = ["split", str(out / "dev"), f"--output={tmp_path / 'flat'}", "--splits=a=1"]
    main([*arguments, f"--schema={tmp_path / 'schema.json'}", "--format=parquet", "--shards=1"])
    rows = len(pd.read_csv(out / "dev/part-00000-of-00001.csv"))
    assert len(pd.read_parquet(tmp_path / "flat")) == rows
    assert pyarrow.dataset.dataset(tmp_path / "flat").count_rows() == rows


def test_the_rows_of_an_epoch_do_not_depend_on_the_manifest(tmp_path):
    out = prepared(tmp_path)

    def epoch():
        arguments = str(out / "train/positive/*.csv"), str(out / "train/negative/*.csv")
        options = {"schema": SCHEMA, "is_train": True, "weight": "auto", "pool_rows": 100}
        batches = InputFnDownsampleWithWeight(*arguments, **options).batches()
        return [(features["visit"].tolist(), weights.tolist()) for features, _, weights in batches]

    by_manifest = epoch()
    (out / "_manifest.json").unlink()
    assert epoch() == by_manifest


# --- what is written ---


def test_text_is_written_as_it_was(tmp_path):
    text = (
        'customer,visit,amount,city,bought\n007,0,1.50,"Köln, am Rhein",1\n'
        '8,1,,"two\nlines",0\n9,2,1e3,"the ""Big"" one",0\n 10 ,3,NA,,1\n'
    )
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.csv").write_text(text)
    out = split(tmp_path, "--splits=all=1", "--shards=1", "--newlines_in_values")
    assert (out / "all/part-00000-of-00001.csv").read_text() == text


def test_a_single_column_with_an_empty_value_loses_no_row(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.tsv").write_text("customer\tcity\na\tx y\nb\t\nc\ta,b\n")
    main(
        [
            *("split", str(tmp_path / "raw/a.tsv"), f"--output={tmp_path / 'out'}"),
            *("--key=customer", "--splits=all=1", "--delimiter=tab", "--shards=1"),
        ]
    )
    written = (tmp_path / "out/all/part-00000-of-00001.csv").read_text()
    assert written == "customer\tcity\na\tx y\nb\t\nc\ta,b\n"


def test_parquet_has_row_groups_that_do_as_blocks(tmp_path):
    frame = rows(3000)
    write(tmp_path / "raw", frame)
    flags = "--format=parquet", "--row_group_rows=100", "--shards=2"
    out = split(tmp_path, "--label=bought", f"--schema={tmp_path / 'schema.json'}", *flags)
    made = manifest.read(out)
    parts = []
    for path, entry in made["files"].items():
        of_file = pq.ParquetFile(out / path)
        groups = [of_file.metadata.row_group(g).num_rows for g in range(of_file.num_row_groups)]
        assert sum(groups) == entry["rows"] and set(groups[:-1]) <= {100} and groups[-1] <= 100
        parts.append(of_file.read().to_pandas())
    found = pd.concat(parts).sort_values("visit", ignore_index=True)
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)


def test_parquet_is_read_with_its_types(tmp_path, capsys):
    frame = rows(500)
    write(tmp_path / "raw", frame)
    for name in sorted(os.listdir(tmp_path / "raw")):
        path = tmp_path / "raw" / name
        pd.read_csv(path, keep_default_na=False).to_parquet(path.with_suffix(".parquet"))
        path.unlink()
    raw = str(tmp_path / "raw/*.parquet")
    arguments = ["split", raw, f"--output={tmp_path / 'out'}", "--key=customer", "--label=bought"]
    main(arguments)
    pd.testing.assert_frame_equal(read(tmp_path / "out")[frame.columns], frame)
    types = [field.type for field in Schema.from_manifest(tmp_path / "out")]
    assert types == ["STRING", "INTEGER", "FLOAT", "STRING", "INTEGER"]
    main([*arguments, "--format=parquet", "--overwrite"])
    capsys.readouterr()
    main(["count", str(tmp_path / "out/*/*.parquet"), "--label=bought"])
    assert len(capsys.readouterr().out.splitlines()) > 4


def test_packed_text_is_read_as_text(tmp_path):
    write(tmp_path / "raw", rows(700))
    plain = split(tmp_path, "--label=bought")
    for path in sorted((tmp_path / "raw").iterdir()):
        with gzip.open(f"{path}.gz", "wb") as file:
            file.write(path.read_bytes())
        path.unlink()
    out = str(tmp_path / "packed")
    files = str(tmp_path / "raw/*.csv.gz")
    main(["split", files, "--key=customer", "--label=bought", f"--output={out}"])
    for path in manifest.read(plain)["files"]:
        assert (plain / path).read_bytes() == Path(out, path).read_bytes()


def test_records_need_a_schema(tmp_path, capsys):
    (tmp_path / "a.tfrecord").write_bytes(b"")
    error = refused(["count", str(tmp_path / "a.tfrecord")], capsys)
    assert "does not name the types of its columns; pass a schema" in error


# --- running again, and failing ---


def test_what_was_written_before_is_replaced_only_if_asked(tmp_path, capsys):
    write(tmp_path / "raw", rows(300))
    out = split(tmp_path)
    before = (out / "_manifest.json").read_text()
    arguments = ["split", str(tmp_path / "raw/*.csv"), f"--output={out}", "--key=customer"]
    assert "holds _manifest.json already" in refused(arguments, capsys)
    assert (out / "_manifest.json").read_text() == before
    main([*arguments, "--overwrite", "--splits=only=1"])
    assert sorted(path.name for path in out.iterdir()) == ["_manifest.json", "only"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_folder_of_others_is_never_replaced(tmp_path, capsys):
    write(tmp_path / "raw", rows(30))
    arguments = ["split", str(tmp_path / "raw/*.csv"), "--key=customer", "--overwrite"]
    assert "no output of ours" in refused([*arguments, f"--output={tmp_path / 'raw'}"], capsys)
    assert len(list((tmp_path / "raw").iterdir())) == 3


def test_a_bad_row_leaves_what_was_there_before(tmp_path, capsys):
    write(tmp_path / "raw", rows(300))
    out = split(tmp_path)
    before = (out / "_manifest.json").read_text()
    with open(tmp_path / "raw/raw-2.csv", "a") as file:
        file.write("c1,2,3\n")
    files = str(tmp_path / "raw/*.csv")
    arguments = ["split", files, f"--output={out}", "--key=customer", "--overwrite"]
    assert "raw-2.csv, line 102: found 3 fields, expected 5" in refused(arguments, capsys)
    assert (out / "_manifest.json").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "raw", "schema.json"]


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_disk_that_is_full_leaves_nothing(tmp_path, format_):
    write(tmp_path / "raw", rows(20_000))

    def run():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        main(["split", str(tmp_path / "raw/*.csv"), *flags])

    flags = f"--output={tmp_path / 'out'}", "--key=customer", f"--format={format_}"
    flags += "--label=bought", f"--schema={tmp_path / 'schema.json'}"
    ended = Forked(run)
    said = ended.wait()
    assert ended.returncode == 1 and "Traceback" not in said
    assert "can't be written ([Errno 27] File too large" in said.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "schema.json"]


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_bucket_gets_the_same_files(tmp_path, format_):
    write(tmp_path / "raw", rows(500).replace({"city": {"Ulm": "Ulm, Donau"}}))
    flags = "--label=bought", f"--format={format_}", f"--schema={tmp_path / 'schema.json'}"
    local = split(tmp_path, *flags)
    remote = f"ram://prepared/{format_}"
    arguments = ["split", str(tmp_path / "raw/*.csv"), "--key=customer", *flags]
    main([*arguments, f"--output={remote}"])
    main([*arguments, f"--output={remote}", "--overwrite"])
    for path in manifest.read(local)["files"]:
        with tf.io.gfile.GFile(f"{remote}/{path}", "rb") as file:
            assert file.read() == (local / path).read_bytes()
    assert manifest.read(remote) == manifest.read(local)


def test_memory_does_not_grow_with_the_files(tmp_path):
    small, large = (peak_megabytes(tmp_path / str(n), n) for n in (200_000, 800_000))
    assert large < small + 60, (small, large)


# --- count and vocab ---


def test_count_counts_as_pandas_does(tmp_path, capsys):
    frame = rows(1000)
    write(tmp_path / "raw", frame)
    main(["count", str(tmp_path / "raw/*.csv"), "--label=bought", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 1000
    of_labels = {str(label): n for label, n in frame["bought"].value_counts().items()}
    assert found["classes"] == of_labels
    for path, entry in found["files"].items():
        part = pd.read_csv(path)
        labels = {str(label): n for label, n in part["bought"].value_counts().items()}
        assert entry == {"rows": len(part), "classes": labels}


def test_count_prints_a_table(tmp_path, capsys):
    write(tmp_path / "raw", rows(1000), files=1)
    main(["count", str(tmp_path / "raw/*.csv")])
    assert capsys.readouterr().out == (
        f" rows  file\n1,000  {tmp_path / 'raw/raw-0.csv'}\n1,000  all files\n"
    )


def test_vocab_the_most_frequent_come_first(tmp_path):
    (tmp_path / "plays.csv").write_text('who,what\nb,1\na,2\n"c, d",1\nb,1\na,3\nz,1\n')
    output = tmp_path / "new/who.csv"
    vocab = ["vocab", str(tmp_path / "plays.csv"), "--column=who", f"--output={output}"]
    main(vocab)
    assert output.read_text() == "a\nb\nc, d\nz\n"
    main([*vocab, "--min_count=2", "--overwrite"])
    assert output.read_text() == "a\nb\n"
    assert [path.name for path in output.parent.iterdir()] == ["who.csv"]


def test_vocab_of_files_without_a_header(tmp_path):
    (tmp_path / "ratings.tsv").write_text("7\t1\n8\t1\n7\t2\n")
    output = tmp_path / "users.csv"
    flags = ["--columns=user,item", "--delimiter=tab", "--column=user", f"--output={output}"]
    main(["vocab", str(tmp_path / "ratings.tsv"), *flags])
    assert output.read_text() == "7\n8\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--column=nobody"], "--column is 'nobody', expected a column among who, what"),
        (["--column=who", "--min_count=9"], "found no value of 9 rows"),
        (["--column=who", "--min_count=0"], "--min_count: found '0'"),
        (["--column=what"], "REQUIRED"),
    ],
)
def test_what_makes_no_vocabulary_is_refused(tmp_path, capsys, flags, message):
    (tmp_path / "plays.csv").write_text("who,what\na,\nb,2\n")
    arguments = ["vocab", str(tmp_path / "plays.csv"), f"--output={tmp_path / 'out'}", *flags]
    assert message in refused(arguments, capsys)


# --- what is refused ---


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--key=nobody"], "--key is 'nobody', expected a column among customer, visit"),
        (["--label=nothing"], "the label 'nothing' is not among the columns"),
        (["--splits=train=0.5,test=0.4"], "add up to 0.9, expected 1"),
        (["--splits=train=1.5,test=-0.5"], "the fraction of 'test' is -0.5"),
        (["--splits=train"], "--splits: found 'train', expected names and fractions"),
        (["--splits=../up=1"], "a split is called '../up'"),
        (["--shards=0"], "--shards: found '0', expected a whole number of at least 1"),
        (["--seed=-1"], "--seed: found '-1', expected a whole number"),
        (["--label=bought", "--by_class=nope"], "by_class is 'nope'"),
        (["--format=parquet"], "--schema is missing"),
        (
            ["--label=bought", "--positive=1", "--negative=2"],
            "raw-0.csv, line 2, column 'bought': found the label '0'",
        ),
        (["--label=bought", "--negative=2"], "expected a label of class negative among '2'"),
        (["--label=city"], "expected two; name those of either class (--positive=a,b"),
        (["--label=bought", "--classes=1,2"], "expected one of 1, 2; fix the row"),
        (["--label=visit", "--classes=each"], "found more than 1,000 classes"),
        (["--no-header"], "the files have no header, expected names of their columns"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence(tmp_path, capsys, flags, message):
    write(tmp_path / "raw", rows(1500, base_rate=0.0), files=1)
    arguments = ["split", str(tmp_path / "raw/*.csv"), f"--output={tmp_path / 'out'}"]
    error = refused([*arguments, "--key=customer", *flags], capsys)
    assert error.splitlines()[-1].startswith("tf-sampling: error: ") and message in error
    assert not (tmp_path / "out").exists()


def test_an_empty_key_is_refused(tmp_path, capsys):
    frame = rows(100)
    frame.loc[70, "customer"] = ""
    write(tmp_path / "raw", frame, files=1)
    arguments = ["split", str(tmp_path / "raw/*.csv"), f"--output={tmp_path / 'out'}"]
    error = refused([*arguments, "--key=customer"], capsys)
    assert "raw-0.csv, line 72, column 'customer': found nothing, expected a value" in error


@pytest.mark.parametrize("command", ["split", "count", "vocab"])
def test_help_tells_every_flag(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    text = capsys.readouterr().out
    assert exit_.value.code == 0 and "globs of the raw files" in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_readme_prepares_and_samples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parent.parent / "sampling/README.md").read_text()
    section = readme.split("## Preparing files")[1].split("## ")[0]
    frame = rows(2000).rename(columns={"customer": "customer_id"})
    (tmp_path / "raw").mkdir()
    frame.to_csv("raw/a.csv", index=False)
    schema = Schema.from_pandas(frame, label="bought")
    Path("schema.json").write_text(schema.to_json())
    command = re.search(r"tf-sampling (split .*?)```", section, re.DOTALL)[1]
    main(shlex.split(command.replace("\\\n", " ")))
    classes = "data/train/positive/*.csv", "data/train/negative/*.csv"
    names = {"train": InputFnDownsampleWithWeight(*classes, schema=schema, is_train=True)}
    exec(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1], names)
    assert names["sample"].rows_per_epoch == names["train"].rows_per_epoch
