"""What the labels of a Dataset say: the class of each row, however it is written."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sampling.errors import SamplingError


class ClassLabels:
    """The labels of one output -> class numbers.

        ClassLabels(tf.TensorSpec([None, 3]), features, "labels")([[0, 1, 0]])  ->  [1]

    Args:
        spec: the tf.TensorSpec of the labels.
        features: the specs of the features that come with them.
        name: of the output, for errors.

    Attributes:
        one_hot: how many classes one-hot labels have; None: labels are class numbers.
        rank: of the class numbers, 1 for a batch and 0 for a single row.

    Raises:
        SamplingError: it can't be told what the labels are.
    """

    def __init__(self, spec: Any, features: Any, name: str):
        self.spec, self.name = spec, name
        if not isinstance(spec, tf.TensorSpec) or not _is_number(spec.dtype):
            raise self._not("integers, booleans or floats in a dense tensor; map them to those")
        if spec.shape.rank is None or spec.shape.rank > 2:
            raise self._not(
                "the shape [], [batch] or [batch, classes]; set it by tf.ensure_shape, or weight "
                "labels of more dimensions in a map of your own"
            )
        width = spec.shape[-1] if spec.shape.rank == 2 or self._is_one_row(features) else None
        if width == 0 or (width is None and spec.shape.rank == 2):
            raise self._not("a known number of classes; set it by tf.ensure_shape")
        self.one_hot = width if width and width > 1 else None
        self._is_column = width == 1
        self.rank = spec.shape.rank - (width is not None)

    def __call__(self, labels: tf.Tensor) -> tf.Tensor:
        """int64 [batch], or [] for a single row.

        Raises (when it runs):
            tf.errors.InvalidArgumentError: a row is not one-hot, a float is no class number.
        """
        if self.one_hot:
            return self._place_of_the_one(labels)
        if self._is_column:
            labels = tf.squeeze(labels, -1)
        numbers = tf.cast(labels, tf.int64)
        if not labels.dtype.is_floating:
            return numbers
        whole = tf.cast(numbers, labels.dtype) == labels
        message = "expected class numbers; round them, or weight rows yourself"
        return checked(numbers, whole, labels, f"{self.name}: {message}")

    def _is_one_row(self, features: Any) -> bool:
        """Whether labels [n] are those of one row: a batch has as many rows of features."""
        if self.spec.shape.rank != 1 or self.spec.shape[0] is None:
            return False
        if self.spec.dtype.is_floating and self.spec.shape[0] > 1:
            return True
        rows = self.spec.shape
        shapes = [tf.TensorShape(each.shape) for each in tf.nest.flatten(features)]
        return not all(shape.rank is None or shape[:1].is_compatible_with(rows) for shape in shapes)

    def _place_of_the_one(self, labels: tf.Tensor) -> tf.Tensor:
        labels = tf.cast(labels, tf.float32)
        ones = tf.reduce_sum(tf.cast(labels == 1, tf.int32), -1)
        others = tf.reduce_sum(tf.cast((labels != 0) & (labels != 1), tf.int32), -1)
        message = (
            f"{self.name}: expected one-hot labels of {self.one_hot} classes, one 1 and zeros in a "
            "row; smooth or mix labels after weighting, and cast a batch of class numbers that is "
            "cut with drop_remainder=True to integers"
        )
        fine = (ones == 1) & (others == 0)
        return checked(tf.argmax(labels, -1), fine, labels, message)

    def _not(self, expected: str) -> SamplingError:
        return SamplingError(f"{self.name} are {self.spec}, expected {expected}")


def checked(values: tf.Tensor, fine: tf.Tensor, shown: tf.Tensor, message: str) -> tf.Tensor:
    """The values, once all rows are fine; otherwise the error shows the first that is not.

    Args:
        values, fine: [batch] or [].
        shown: [batch, ...] or [...], as wide as it takes to show what is wrong.
    """
    rows = shown if fine.shape.rank else shown[tf.newaxis]
    wrong = tf.boolean_mask(rows, ~tf.reshape(fine, [-1]))
    check = tf.debugging.Assert(tf.reduce_all(fine), [message, "found", wrong[:1]])
    with tf.control_dependencies([check]):
        return tf.identity(values)


def _is_number(dtype: tf.DType) -> bool:
    return dtype.is_floating or dtype.is_integer or dtype.is_bool
