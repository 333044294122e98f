"""Figures and pictures of an evaluation in TensorBoard, beside the Estimator's own."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf


def summarize(
    directory: str, step: int, scalars: Mapping[str, float], pictures: Mapping[str, bytes]
) -> None:
    """Adds them to the summaries of an evaluation.

    Args:
        directory: that the Estimator writes them to.
        pictures: PNGs by file name; others are left out.
    """
    proto = tf.compat.v1.Summary
    values = [proto.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
    for name, content in pictures.items():
        if name.endswith(".png"):
            image = proto.Image(encoded_image_string=content)
            values.append(proto.Value(tag=f"report/{name[:-4]}", image=image))
    # the writer that the Estimator takes for the evaluation's own figures
    writer = tf.compat.v1.summary.FileWriterCache.get(directory)
    writer.add_summary(proto(value=values), step)
    writer.flush()
