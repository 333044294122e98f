"""The cloud scripts, with a gcloud on the PATH that writes down what it is asked for."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trainer.cloud import folders, requests

ROOT = Path(__file__).parent.parent
SETTINGS = {
    "PROJECT": "a-project",
    "REGION": "europe-west4",
    "BUCKET": "gs://a bucket",  # no bucket has a blank, but a script must not break at one
    "IMAGE": "europe-west4-docker.pkg.dev/a-project/images/tf-sampling:1",
}
GCLOUD = """#!{python}
import json, os, sys

read = {{a: open(a[9:]).read() for a in sys.argv if a.startswith("--config=")}}
with open(os.environ["RECORD"], "a") as record:
    record.write(json.dumps([sys.argv[1:], list(read.values())]) + "\\n")
if sys.argv[1:3] == ["storage", "ls"]:
    folder = sys.argv[3].removesuffix("**")
    print(*(folder + name for name in os.environ["EXPORTED"].split()), sep="\\n")
sys.exit("describe" in sys.argv)
"""
# 200 was cut off while it was copied, 300 while it was moved.
EXPORTED = (
    "9/saved_model.pb 100/saved_model.pb 100/variables/v readme.txt 200/variables/v "
    "300/saved_model.pb temp-300/variables/v"
)
ODD = ["--forward=a,b", "--positive_dir=gs://a b/*.csv,gs://c/*", "--null_values=NA,it's"]


_UNIQUE = re.compile(r"_\d{8}_\d{6}|_\d{6}$|/tmp")  # jobs are named by the time


class Clouds:
    """Runs scripts; keeps what gcloud was asked for."""

    def __init__(self, folder: Path):
        self.record = folder / "record"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("gcloud", "docker-credential-gcr", "docker", "shutdown"):
            path = self.bin / name
            path.write_text(GCLOUD.format(python=sys.executable))
            path.chmod(0o755)

    def run(self, script: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess:
        self.record.unlink(missing_ok=True)
        environment = {**os.environ, "EXPORTED": EXPORTED, **SETTINGS, **settings}
        environment["RECORD"] = str(self.record)
        environment["PATH"] = f"{self.bin}:{environment['PATH']}"
        return subprocess.run(
            ["bash", ROOT / "scripts" / script, *arguments],
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
        )

    def asked(self, script: str, *arguments: str, **settings: str) -> list[list[str]]:
        """The command lines that gcloud got."""
        done = self.run(script, *arguments, **settings)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)[0] for line in self.record.read_text().splitlines()]

    def configured(self) -> dict[str, Any]:
        """The file that the last command named by --config."""
        [text] = json.loads(self.record.read_text().splitlines()[-1])[1]
        return json.loads(text)


@pytest.fixture
def clouds(tmp_path):
    return Clouds(tmp_path)


def test_ai_platform_gets_the_trainers_flags_behind_two_hyphens(clouds):
    [asked] = clouds.asked("ai-platform-train.sh", "shoppers", "--workers=2", "--", *ODD)
    at = asked.index("--")
    service, trainer = asked[:at], asked[at + 1 :]
    assert service[:4] == ["ai-platform", "jobs", "submit", "training"]
    assert f"--master-image-uri={SETTINGS['IMAGE']}" in service
    assert "--worker-count=2" in service and "--parameter-server-count=1" in service
    [job_dir] = [each for each in service if each.startswith("--job-dir=")]
    assert job_dir.startswith("--job-dir=gs://a bucket/jobs/shoppers_")
    assert trainer[:2] == ["propensity", "--mode=train"]
    assert "--positive_dir=gs://a bucket/data/shoppers/train/positive/*.csv" in trainer
    assert trainer[-3:] == ODD


def test_a_local_job_of_ai_platform(clouds):
    [asked] = clouds.asked(
        "local-ai-platform-train.sh", "songs", "--job=a job", "--distributed", "--", "--model=gmf"
    )
    assert asked[:3] == ["ai-platform", "local", "train"]
    assert "--job-dir=output/jobs/a job" in asked and "--distributed" in asked
    assert asked[asked.index("--") + 1 :][:2] == ["recommender", "--mode=train"]
    assert asked[-1] == "--model=gmf"


def test_ai_platform_deploys_the_newest_export_to_the_global_model(clouds):
    listed, described, model, version = clouds.asked(
        "ai-platform-deploy.sh", "shoppers", "--job=shoppers_1", "--version=v2"
    )
    assert model[1:4] == ["models", "create", "shoppers"] and "--regions=europe-west4" in model
    assert version[1:4] == ["versions", "create", "v2"]
    assert {"--region=global", "--origin=gs://a bucket/jobs/shoppers_1/export/100/"} <= {*version}


def test_a_recommenders_export_is_deployed_and_a_job_without_one_is_not(clouds):
    _, _, upload, *_ = clouds.asked(
        "vertex-deploy.sh", "songs", "--job=songs_1", EXPORTED="saved_model.pb variables/v"
    )
    assert "--artifact-uri=gs://a bucket/jobs/songs_1/export" in upload
    cut_off = "200/variables/v 300/saved_model.pb temp-300/variables/v"
    refused = clouds.run("vertex-deploy.sh", "shoppers", "--job=a", EXPORTED=cut_off)
    assert refused.returncode == 1 and "found no export in gs://a bucket/jobs/a/" in refused.stderr


def test_ai_platform_predicts_rows_and_files(clouds):
    [asked] = clouds.asked("ai-platform-predict.sh", "shoppers", "--instances=/a b.json")
    assert asked[1] == "predict" and "--json-instances=/a b.json" in asked
    [asked] = clouds.asked("ai-platform-predict.sh", "shoppers", "--input=gs://a/*,gs://b/c d")
    assert asked[1:4] == ["jobs", "submit", "prediction"]
    assert "--input-paths=gs://a/*,gs://b/c d" in asked


def test_a_vertex_job_has_its_arguments_and_folders_in_a_file(clouds):
    [asked] = clouds.asked("vertex-train.sh", "songs", "--job=songs_1", "--workers=2", "--", *ODD)
    assert asked[:3] == ["ai", "custom-jobs", "create"] and "--display-name=songs_1" in asked
    spec = clouds.configured()
    assert [pool["replicaCount"] for pool in spec["workerPoolSpecs"]] == [1, 2, 1, 1]
    container = spec["workerPoolSpecs"][0]["containerSpec"]
    assert container["imageUri"] == SETTINGS["IMAGE"]
    assert container["args"][0] == "recommender"
    assert container["args"][-4:] == [*ODD, "--job-dir=gs://a bucket/jobs/songs_1"]
    output = spec["baseOutputDirectory"]["outputUriPrefix"]
    assert output == "gs://a bucket/jobs/songs_1"


def test_vertex_deploys_to_a_new_endpoint_with_all_its_traffic(clouds):
    _, _, upload, _, endpoint, deploy = clouds.asked(
        "vertex-deploy.sh", "shoppers", "--job=shoppers_1"
    )
    assert upload[1:3] == ["models", "upload"] and "--model-id=shoppers" in upload
    assert "--artifact-uri=gs://a bucket/jobs/shoppers_1/export/100" in upload
    assert endpoint[1:3] == ["endpoints", "create"] and "--endpoint-id=shoppers" in endpoint
    assert deploy[1:4] == ["endpoints", "deploy-model", "shoppers"]
    assert {"--traffic-split=0=100", "--model=shoppers"} <= {*deploy}


def test_vertex_predicts_rows_and_files(clouds):
    [asked] = clouds.asked("vertex-predict.sh", "shoppers", "--request=/a b.json")
    assert asked[:4] == ["ai", "endpoints", "predict", "shoppers"]
    assert "--json-request=/a b.json" in asked
    arguments = "shoppers", "--job=a_1", "--input=gs://a b/*.jsonl", "--dry-run"
    done = clouds.run("vertex-predict.sh", *arguments)
    request = json.loads(done.stdout)
    assert request["inputConfig"]["gcsSource"]["uris"] == ["gs://a b/*.jsonl"]
    assert request["model"] == "projects/a-project/locations/europe-west4/models/shoppers@a-1"


def test_setting_up_copies_data_and_builds_the_image(clouds, tmp_path):
    copy, build = clouds.asked("cloud-setup.sh", "shoppers", f"--data={tmp_path}")
    assert copy[:2] == ["storage", "rsync"] and copy[-1] == "gs://a bucket/data/shoppers"
    assert build[:2] == ["builds", "submit"] and f"--tag={SETTINGS['IMAGE']}" in build


COMMANDS = {
    "local-ai-platform-train.sh": ["shoppers", "--", *ODD],
    "ai-platform-train.sh": ["songs", "--", *ODD],
    "ai-platform-deploy.sh": ["songs", "--job=a b"],
    "ai-platform-predict.sh": ["songs", "--input=gs://a/*,b c"],
    "vertex-train.sh": ["shoppers", "--", *ODD],
    "vertex-deploy.sh": ["shoppers", "--job=a b"],
    "vertex-predict.sh": ["shoppers", "--request=a b.json"],
    "cloud-setup.sh": ["shoppers", "--data=a b"],
}


@pytest.mark.parametrize("script", COMMANDS)
def test_a_dry_run_prints_what_a_shell_would_read_again_and_does_nothing(clouds, script):
    example, *arguments = COMMANDS[script]
    done = clouds.run(script, example, "--dry-run", *arguments)
    assert done.returncode == 0, done.stderr
    assert not clouds.record.exists()
    printed = [line for line in done.stdout.splitlines() if line.startswith("gcloud ")]
    asked = clouds.asked(script, example, *arguments)
    changing = [each for each in asked if not {"ls", "describe"} & set(each)]
    assert len(printed) == len(changing)
    for line, command in zip(printed, changing, strict=True):
        for one, other in zip(shlex.split(line)[1:], command, strict=True):
            assert one == other or "NEWEST" in one or _UNIQUE.search(one), (one, other)


@pytest.mark.parametrize("script", [name for name in COMMANDS if "local" not in name])
def test_what_is_missing_is_named(clouds, script):
    done = clouds.run(script, *COMMANDS[script][:2], PROJECT="")
    assert done.returncode == 1
    assert "PROJECT is not set; put it into scripts/cloud-settings.sh" in done.stderr
    done = clouds.run(script, *COMMANDS[script][:2], BUCKET="a-bucket")
    assert "BUCKET is 'a-bucket', expected gs://" in done.stderr
    assert "which example? name shoppers or songs" in clouds.run(script).stderr
    assert "no option --nonsense" in clouds.run(script, "songs", "--nonsense=1").stderr
    assert f"bash scripts/{script} shoppers|songs" in clouds.run(script, "--help").stdout


def test_a_machine_trains_with_the_arguments_of_its_metadata(clouds, tmp_path):
    curl = clouds.bin / "curl"
    curl.write_text(
        '#!/bin/bash\ncase "${*: -1}" in\n  */image) echo host.dev/p/i:1 ;;\n'
        "  */arguments) printf '%s\\n' propensity --job-dir=gs://b/j '--test_dir=a b/*.csv' ;;\n"
        "esac\n"
    )
    curl.chmod(0o755)
    done = clouds.run("vm-startup.sh", STARTUP_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    asked = [json.loads(line)[0] for line in clouds.record.read_text().splitlines()]
    assert asked[0] == ["configure-docker", "--registries=host.dev"]
    assert asked[1][3:] == [
        "host.dev/p/i:1",
        "propensity",
        "--job-dir=gs://b/j",
        "--test_dir=a b/*.csv",
    ]
    assert asked[2] == ["-h", "now"]


def test_vertex_understands_job_and_batch_prediction():
    aiplatform = pytest.importorskip("google.cloud.aiplatform_v1")
    spec = requests.custom_job("image", "gs://b/o", ["train", "--x=a,b *"], "n1-standard-4", 2)
    job = aiplatform.CustomJobSpec.from_json(json.dumps(spec))
    assert [pool.replica_count for pool in job.worker_pool_specs] == [1, 2, 1, 1]
    assert list(job.worker_pool_specs[1].container_spec.args) == ["train", "--x=a,b *"]
    assert job.base_output_directory.output_uri_prefix == "gs://b/o"
    request = requests.batch_prediction("projects/p/locations/r", "m", ["gs://a/*"], "gs://o", "n1")
    prediction = aiplatform.BatchPredictionJob.from_json(json.dumps(request))
    assert prediction.model == "projects/p/locations/r/models/m"
    assert list(prediction.input_config.gcs_source.uris) == ["gs://a/*"]
    assert prediction.dedicated_resources.machine_spec.machine_type == "n1"


def test_the_folders_of_vertex_get_model_and_summaries(tmp_path, monkeypatch, capsys):
    job = tmp_path / "checkpoints"
    for number in (9, 100):
        variables = job / "export" / str(number) / "variables"
        variables.mkdir(parents=True)
        (variables / "v").write_text(str(number))
        (variables.parent / "saved_model.pb").write_text(str(number))
    for cut_off in ("200/variables", "300/variables", "temp-300/variables"):
        (job / "export" / cut_off).mkdir(parents=True)
    (job / "export/300/saved_model.pb").write_text("moved, without its variables")
    (job / "eval").mkdir()
    (job / "eval" / "events.out.tfevents.1").write_text("events")
    monkeypatch.setenv("AIP_CHECKPOINT_DIR", f"{job}/")
    monkeypatch.setenv("AIP_MODEL_DIR", f"{tmp_path / 'model'}/")
    monkeypatch.setenv("AIP_TENSORBOARD_LOG_DIR", f"{tmp_path / 'logs'}/")
    assert folders.with_job_dir({"mode": "train"}) == {"job_dir": str(job), "mode": "train"}
    assert folders.with_job_dir({"job_dir": "other"}) == {"job_dir": "other"}
    addresses = {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1"]}
    of_worker = {"cluster": addresses, "task": {"type": "worker", "index": 0}}
    with monkeypatch.context() as patch:
        patch.setenv("TF_CONFIG", json.dumps(of_worker))
        folders.publish(str(job))
    assert not (tmp_path / "model").exists()
    folders.publish(str(job))
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "100"
    assert (tmp_path / "model" / "variables" / "v").read_text() == "100"
    assert (tmp_path / "logs" / "eval" / "events.out.tfevents.1").read_text() == "events"
    assert not (tmp_path / "logs" / "export").exists()
    (job / "export" / "saved_model.pb").write_text("of a recommender")
    folders.publish(str(job))
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "of a recommender"


def test_the_image_pins_all_that_the_trainer_needs_in_versions_that_go_together():
    lines = (ROOT / "scripts/pinned.txt").read_text().splitlines()[1:]
    versions = {canonicalize_name(name): pin for name, pin in (line.split("==") for line in lines)}
    left, seen = [("tf-sampling", "estimator"), ("tf-sampling", "report")], set()
    while left:
        package, extra = left.pop()
        for each in map(Requirement, metadata.requires(package) or []):
            if each.marker and not each.marker.evaluate({"extra": extra}):
                continue
            name = canonicalize_name(each.name)
            assert each.specifier.contains(versions[name]), f"{package} asks for {each}"
            following = {(name, extra) for extra in each.extras or {""}}
            left += following - seen
            seen |= following
    assert {name for name, _ in seen} == {*versions}  # and no others


def test_the_images_own_files_are_all_that_the_trainer_needs(tmp_path):
    ignored = (ROOT / ".dockerignore").read_text().split()
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            *sources, target = line.split()[1:]
            for source in sources:
                assert source.split("/")[0] not in ignored
                folder = tmp_path / (target if (ROOT / source).is_dir() else ".")
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, folder)
    command = [sys.executable, "-m", "trainer.task", "propensity", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "--positive_dir" in done.stdout, done.stderr
