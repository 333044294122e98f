"""The cloud scripts with the real gcloud, where there is one; services are a stand-in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cloud.services import Services
from tests.conftest import SCHEMA, write_classes

ROOT = Path(__file__).parent.parent
SETTINGS = {
    "PROJECT": "a-project",
    "REGION": "europe-west4",
    "BUCKET": "gs://a-bucket",
    "IMAGE": "europe-west4-docker.pkg.dev/a-project/images/tf-sampling:1",
}
EXPORTS = [
    f"gs://a-bucket/jobs/{job}/export/{number}/saved_model.pb"
    for job, number in (("shoppers_1", 9), ("shoppers_1", 100), ("shoppers_2", 7))
]
AT = "/v1/projects/a-project/locations/europe-west4"

pytestmark = pytest.mark.skipif(shutil.which("gcloud") is None, reason="there is no gcloud here")


@pytest.fixture
def services(tmp_path):
    with Services(tmp_path, EXPORTS) as services:
        yield services


def run(services: Services, script: str, *arguments: str) -> str:
    done = subprocess.run(
        ["bash", ROOT / "scripts" / script, *arguments],
        cwd="/",
        env={**os.environ, **SETTINGS, **services.environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_job_is_trained(services):
    run(services, "vertex-train.sh", "shoppers", "--job=shoppers_1", "--", "--forward=a,b c")
    [(_, path, job)] = services.changes
    assert path == f"{AT}/customJobs" and job["displayName"] == "shoppers_1"
    container = job["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]
    assert container["imageUri"] == SETTINGS["IMAGE"] and "--forward=a,b c" in container["args"]


def test_deploying_again_makes_a_version_and_takes_the_old_one_away(
    services,
):
    run(services, "vertex-deploy.sh", "shoppers", "--job=shoppers_1")
    (_, _, upload), (_, path, endpoint), (_, _, deploy) = services.changes
    assert upload["modelId"] == "shoppers" and "parentModel" not in upload
    assert upload["model"]["artifactUri"] == "gs://a-bucket/jobs/shoppers_1/export/100"
    assert path == f"{AT}/endpoints" and endpoint["displayName"] == "shoppers"
    assert deploy["trafficSplit"] == {"0": 100}
    services.changes.clear()

    run(services, "vertex-deploy.sh", "shoppers", "--job=shoppers_2")
    (_, _, upload), (_, _, deploy), (_, path, undeploy) = services.changes
    assert upload["parentModel"] == f"{AT[4:]}/models/shoppers" and "modelId" not in upload
    assert upload["model"]["versionAliases"] == ["default", "shoppers-2"]
    assert deploy["deployedModel"]["displayName"] == "shoppers_2"
    assert path.endswith("/endpoints/shoppers:undeployModel")
    assert undeploy["deployedModelId"] == "1"
    assert [each["id"] for each in services.deployed("shoppers")] == ["2"]


def test_a_model_is_asked(services, tmp_path):
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps({"instances": [{"spent": 1.5}]}))
    assert "0.25" in run(services, "vertex-predict.sh", "shoppers", f"--request={rows}")
    [(_, path, asked)] = services.changes
    assert path == f"{AT}/endpoints/shoppers:predict" and asked["instances"] == [{"spent": 1.5}]


def test_ai_platform_trains_and_deploys(services):
    run(services, "ai-platform-train.sh", "shoppers", "--workers=2", "--", "--forward=a,b c")
    [(_, _, job)] = services.changes
    assert job["trainingInput"]["parameterServerCount"] == "1"
    assert job["trainingInput"]["args"][-1] == "--forward=a,b c"
    services.changes.clear()
    run(services, "ai-platform-deploy.sh", "shoppers", "--job=shoppers_1", "--version=v2")
    (_, _, model), (_, path, version) = services.changes
    assert model["name"] == "shoppers" and path.endswith("/models/shoppers/versions")
    assert version["deploymentUri"] == "gs://a-bucket/jobs/shoppers_1/export/100/"


def test_gcloud_trains_on_this_machine_with_the_projects_own_python(services, tmp_path):
    write_classes(tmp_path, 20, 60)
    schema = tmp_path / "schema.json"
    schema.write_text(SCHEMA.to_json())
    job = f"test_{os.getpid()}"
    flags = {
        "positive_dir": tmp_path / "positive-*.csv",
        "negative_dir": tmp_path / "negative-*.csv",
        "test_dir": tmp_path / "positive-*.csv",
        "schema": schema,
        "forward": "id",
        "num_epochs": 1,
    }
    trainer_flags = [f"--{name}={value}" for name, value in flags.items()]
    try:
        run(
            services, "local-ai-platform-train.sh", "shoppers", f"--job={job}", "--", *trainer_flags
        )
        assert list((ROOT / "output/jobs" / job).glob("export/*/saved_model.pb"))
    finally:
        shutil.rmtree(ROOT / "output/jobs" / job, ignore_errors=True)
