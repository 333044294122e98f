# The trainer as an image for Vertex AI, or any machine with Docker:
#   docker build -t tf-sampling . && docker run --rm tf-sampling propensity --help
# For machines with a GPU: docker build --build-arg TENSORFLOW='tensorflow[and-cuda]' ...
FROM python:3.13-slim
ARG TENSORFLOW=tensorflow-cpu
WORKDIR /app
# The packages first: this step is kept where only the project has changed.
COPY scripts/pinned.txt ./
RUN grep -v "^tensorflow==" pinned.txt > others.txt \
    && pip install --no-cache-dir --no-deps -r others.txt \
    && pip install --no-cache-dir -c others.txt "$TENSORFLOW==$(sed -n "s/^tensorflow==//p" pinned.txt)"
COPY setup.py pyproject.toml ./
COPY sampling sampling
COPY trainer trainer
COPY examples examples
# Its requirements are there, TensorFlow under another name.
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && useradd --create-home trainer
USER trainer
ENV MPLCONFIGDIR=/tmp/matplotlib PYTHONUNBUFFERED=1
ENTRYPOINT ["python", "-m", "trainer.task"]
