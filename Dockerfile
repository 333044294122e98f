# The trainer as an image for Vertex AI, or any machine with Docker:
#   docker build -t tf-sampling . && docker run --rm tf-sampling propensity --help
FROM python:3.13-slim
WORKDIR /app
COPY setup.py pyproject.toml ./
COPY sampling sampling
COPY trainer trainer
COPY examples examples
RUN pip install --no-cache-dir -e ".[estimator,report]"
ENTRYPOINT ["python", "-m", "trainer.task"]
