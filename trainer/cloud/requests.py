"""What Vertex AI is asked for where gcloud has no flag or no command for it.

    python -m trainer.cloud.requests job --image=... --output=gs://bucket/jobs/a -- \\
        propensity --mode=train ...
    python -m trainer.cloud.requests predict --project=... --region=... --model=... \\
        --input=... --output=...

`job` prints the configuration of a custom job, a CustomJobSpec, as JSON, which is YAML too: the
file that `gcloud ai custom-jobs create --config` takes. `predict` starts a batch prediction, for
which the SDK is needed (the extra `gcp`); with --dry-run it prints the request instead.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from typing import Any


def custom_job(
    image: str, output: str, arguments: Sequence[str], machine: str, workers: int = 0
) -> dict[str, Any]:
    """A CustomJobSpec.

    Args:
        image: of the trainer.
        output: gs:// folder; below it are those of AIP_MODEL_DIR, AIP_CHECKPOINT_DIR and
            AIP_TENSORBOARD_LOG_DIR.
        arguments: of the trainer.
        machine: type of all machines.
        workers: machines beside the chief. With any there are a parameter server and an evaluator,
            too, and all find each other by TF_CONFIG.
    """
    container = {"imageUri": image, "args": list(arguments)}
    # The service's order: chief, workers, parameter servers, evaluator.
    replicas = [1, workers, 1, 1] if workers else [1]
    pools = [
        {
            "machineSpec": {"machineType": machine},
            "replicaCount": number,
            "containerSpec": container,
        }
        for number in replicas
    ]
    return {"workerPoolSpecs": pools, "baseOutputDirectory": {"outputUriPrefix": output}}


def batch_prediction(
    parent: str, model: str, input_files: Sequence[str], output: str, machine: str
) -> dict[str, Any]:
    """A BatchPredictionJob of files with a JSON object a line; the answers are such files, too.

    Args:
        parent: projects/PROJECT/locations/REGION.
        model: its ID.
        input_files: gs:// paths, a * among them if need be.
        output: gs:// folder.
        machine: type of the machine.
    """
    return {
        "displayName": f"{model}-predictions",
        "model": f"{parent}/models/{model}",
        "inputConfig": {
            "instancesFormat": "jsonl",
            "gcsSource": {"uris": list(input_files)},
        },
        "outputConfig": {
            "predictionsFormat": "jsonl",
            "gcsDestination": {"outputUriPrefix": output},
        },
        "dedicatedResources": {
            "machineSpec": {"machineType": machine},
            "startingReplicaCount": 1,
            "maxReplicaCount": 1,
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments (None: those of the process) and does what they say."""
    given = _parser().parse_args(arguments)
    if given.command == "job":
        arguments = given.arguments[given.arguments[:1] == ["--"] :]
        spec = custom_job(given.image, given.output, arguments, given.machine, given.workers)
        print(json.dumps(spec, indent=2))
        return
    parent = f"projects/{given.project}/locations/{given.region}"
    request = batch_prediction(parent, given.model, [given.input], given.output, given.machine)
    if given.dry_run:
        print(json.dumps(request, indent=2))
        return
    print(_start(parent, given.region, request))


def _start(parent: str, region: str, request: dict[str, Any]) -> str:
    """Starts a batch prediction; returns its name."""
    try:
        from google.cloud import aiplatform_v1
    except ImportError as error:
        raise SystemExit(
            f"error: batch predictions need google-cloud-aiplatform ({error}); "
            "install tf-sampling[gcp]"
        ) from None
    endpoint = os.environ.get("VERTEX_ENDPOINT", f"{region}-aiplatform.googleapis.com")
    client = aiplatform_v1.JobServiceClient(client_options={"api_endpoint": endpoint})
    job = aiplatform_v1.BatchPredictionJob.from_json(json.dumps(request))
    return client.create_batch_prediction_job(parent=parent, batch_prediction_job=job).name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer.cloud.requests", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    job = commands.add_parser("job", help="print the configuration of a custom job")
    job.add_argument("--image", required=True, help="the trainer's image")
    job.add_argument("--output", required=True, help="gs:// folder of the job")
    job.add_argument("--machine", default="n1-standard-4", help="type of the machines")
    job.add_argument("--workers", type=int, default=0, help="machines beside the chief")
    job.add_argument("arguments", nargs=argparse.REMAINDER, help="-- and the trainer's arguments")
    predict = commands.add_parser("predict", help="start a batch prediction")
    predict.add_argument("--dry-run", action="store_true", help="print the request instead")
    for name, text in (
        ("project", "ID of the project"),
        ("region", "of the model"),
        ("model", "ID of the model"),
        ("input", "gs:// files with a JSON object a line"),
        ("output", "gs:// folder for the predictions"),
    ):
        predict.add_argument(f"--{name}", required=True, help=text)
    predict.add_argument("--machine", default="n1-standard-2", help="type of the machine")
    return parser


if __name__ == "__main__":
    main()
