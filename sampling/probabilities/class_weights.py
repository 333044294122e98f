"""`with_class_weights`: class weights for Datasets that people already have, images for example.

    images = tf.keras.utils.image_dataset_from_directory("photos", label_mode="categorical")
    model.fit(with_class_weights(images, "balanced"))

What comes out has a third element, the weight of each row, which Keras takes as it is. Our own
input functions need none of this: their Datasets have weights.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.errors import SamplingError
from sampling.probabilities.class_labels import ClassLabels, checked

_COUNTED_ROWS = 65_536  # labels that are counted at a time


def with_class_weights(dataset: tf.data.Dataset, weights: Any) -> tf.data.Dataset:
    """A Dataset of (features, labels) -> one of (features, labels, weights).

        with_class_weights(dataset, {0: 1, 1: 28})
        with_class_weights(dataset, "balanced")
        with_class_weights(dataset, collections.Counter({0: 2800, 1: 100}))  # balanced, uncounted
        with_class_weights(dataset, {"bought": [1, 28], "returned": "balanced"})  # two outputs

    Labels, in batches or not, are what their types and shapes say:

    - integers or booleans [batch], [batch, 1], []: class numbers; [batch, classes], and [classes]
      beside features of another length: one-hot;
    - floats [batch, classes], and [classes] where the length is known: one-hot; [batch] of unknown
      length, [batch, 1], []: class numbers. A batch that is cut with drop_remainder=True has a
      known length: cast class numbers to integers there.

    Labels of several outputs are a dict or a tuple. Weights are then a dict with the names of some
    or a tuple with an entry for each, None in it where rows have weight 1. "balanced" alone
    balances each output by itself. Weights that the Dataset has already are multiplied.

    Args:
        dataset: its elements are (features, labels) or (features, labels, weights).
        weights: of the classes: a dict {class number: weight} (1.0 is 1), a list from 0 on, or
            "balanced": rows / (classes x rows of the class), which makes the classes equal and the
            mean 1 (class_weight="balanced" of scikit-learn, after G. King and L. Zeng, Logistic
            Regression in Rare Events Data, 2001). Labels are counted for it, in a pass of its own
            over the Dataset; a collections.Counter of rows by class number spares that.

    Returns:
        The Dataset with weights: float32 [batch], or [] for single rows; by output like the labels.

    Raises:
        SamplingError: elements, labels or weights are none of these, or one-hot labels have other
            classes than weights.
        tf.errors.InvalidArgumentError: (iterating) a class has no weight, a row is not one-hot, or
            a float is no class number.
    """
    if not isinstance(dataset, tf.data.Dataset):
        raise SamplingError(
            f"dataset is a {type(dataset).__name__}, expected a tf.data.Dataset; of arrays make "
            "one by tf.data.Dataset.from_tensor_slices((features, labels)).batch(32)"
        )
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        raise SamplingError(
            f"the elements are {spec}, expected (features, labels); map them to that"
        )
    outputs = _named("labels", spec[1])
    classes = {
        name: _ClassWeights(dataset, ClassLabels(outputs[name], spec[0], name), of_classes)
        for name, of_classes in _by_output(weights, spec[1]).items()
    }
    if len(spec) == 3:
        _check_own(spec[2], spec[1], max(each.labels.rank for each in classes.values()))

    def weighted(features: Any, labels: Any, own: Any = None) -> Any:
        by_name = _named("labels", labels)
        found = {name: of_classes(by_name[name]) for name, of_classes in classes.items()}
        ones = tf.ones_like(next(iter(found.values())))
        flat = [found.get(name, ones) for name in outputs]
        weights = tf.nest.pack_sequence_as(labels, flat)
        return features, labels, weights if own is None else _times(weights, own)

    return dataset.map(weighted, num_parallel_calls=tf.data.AUTOTUNE)


class _ClassWeights:
    """The labels of one output -> weights.

    Raises:
        SamplingError: weights are none, or one-hot labels have other classes.
    """

    def __init__(self, dataset: tf.data.Dataset, labels: ClassLabels, weights: Any):
        self.labels = labels
        if isinstance(weights, str) and weights == "balanced":
            weights = _counted(dataset, labels)
        self._table = _table(weights, labels.name)
        # classes that have no rows have no balanced weight
        may_lack = isinstance(weights, Counter)
        expected = range(labels.one_hot or 0)
        lacks = set() if may_lack else set(expected) - set(self._table)
        if labels.one_hot and (lacks or set(self._table) - set(expected)):
            raise SamplingError(
                f"{labels.name} are one-hot of {labels.one_hot} classes and the weights are of the "
                f"classes {', '.join(map(str, sorted(self._table)))}; give each class a weight, or "
                "if the labels are a batch of class numbers, cast them to integers"
            )

    def __call__(self, labels: tf.Tensor) -> tf.Tensor:
        """float32 [batch] or []"""
        numbers = self.labels(labels)
        classes = sorted(self._table)
        sorted_classes = tf.constant(classes, tf.int64)
        places = tf.searchsorted(sorted_classes, tf.reshape(numbers, [-1]))
        places = tf.reshape(tf.minimum(places, len(classes) - 1), tf.shape(numbers))
        known = tf.gather(sorted_classes, places) == numbers
        weights = tf.constant([self._table[each] for each in classes], tf.float32)
        message = (
            f"{self.labels.name}: expected a class that has a weight "
            f"({', '.join(map(str, classes))}); give every class one"
        )
        return checked(tf.gather(weights, places), known, numbers, message)


def _counted(dataset: tf.data.Dataset, labels: ClassLabels) -> Counter[int]:
    """Rows by class number, in a pass over the Dataset."""
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise SamplingError(
            "weights are 'balanced' and the dataset never ends, so that labels can't be counted; "
            "repeat it afterwards, or pass a collections.Counter of rows by class number"
        )
    numbers = dataset.map(
        lambda *element: tf.reshape(labels(_named("labels", element[1])[labels.name]), [-1])
    )
    counts: Counter[int] = Counter()
    for some in numbers.unbatch().batch(_COUNTED_ROWS).as_numpy_iterator():
        classes, rows = np.unique(some, return_counts=True)
        counts.update(dict(zip(classes.tolist(), rows.tolist(), strict=True)))
    return counts


def _table(weights: Any, name: str) -> dict[int, float]:
    """Class number -> weight."""
    if isinstance(weights, Counter):
        return _balanced(_numbers(weights, name, "rows"))
    if isinstance(weights, Mapping):
        return _numbers(weights, name, "weight")
    if isinstance(weights, (Sequence, np.ndarray)) and not isinstance(weights, str):
        return _numbers(dict(enumerate(weights)), name, "weight")
    raise SamplingError(
        f"the weights of {name} are {weights!r}, expected a dict {{class number: weight}}, a list "
        "of weights from class 0 on, a collections.Counter of rows, or 'balanced'; pass one"
    )


def _balanced(counts: Mapping[int, float]) -> dict[int, float]:
    """Rows by class -> rows / (classes x rows of the class)."""
    found = {number: rows for number, rows in counts.items() if rows}
    return {number: sum(found.values()) / (len(found) * rows) for number, rows in found.items()}


def _numbers(values: Mapping[Any, Any], name: str, what: str) -> dict[int, float]:
    for number, value in values.items():
        if not isinstance(number, Real) or not float(number).is_integer():
            raise SamplingError(
                f"{name}: found the class {number!r}, expected class numbers; use the class's place"
            )
        if not isinstance(value, Real) or not 0 <= float(value) < math.inf:
            raise SamplingError(
                f"{name}: the {what} of class {number} is {value!r}, expected a finite number, not "
                "negative; fix it"
            )
    if not any(values.values()):
        raise SamplingError(
            f"{name}: every {what} is 0 or there is none, expected one above; fix it"
        )
    return {int(number): float(value) for number, value in values.items()}


def _named(name: str, structure: Any) -> dict[str, Any]:
    """Outputs by a name for errors, in the order of tf.nest: {"labels['a']": ..., ...}."""
    if isinstance(structure, Mapping):
        return {f"{name}[{key!r}]": structure[key] for key in sorted(structure)}
    if isinstance(structure, (tuple, list)):
        return {f"{name}[{index}]": each for index, each in enumerate(structure)}
    return {name: structure}


def _by_output(weights: Any, labels: Any) -> dict[str, Any]:
    """The weights of those outputs that have some."""
    names = list(_named("labels", labels))
    if isinstance(weights, str) and weights == "balanced":
        return dict.fromkeys(names, weights)
    if isinstance(labels, Mapping):
        if isinstance(weights, Mapping) and weights and set(weights) <= set(labels):
            return {f"labels[{key!r}]": of_output for key, of_output in weights.items()}
        expected = f"a dict with names among {', '.join(map(str, sorted(labels)))}"
    elif isinstance(labels, (tuple, list)):
        if isinstance(weights, (tuple, list)) and len(weights) == len(labels):
            given = zip(names, weights, strict=True)
            chosen = {name: of_output for name, of_output in given if of_output is not None}
            if chosen:
                return chosen
        expected = f"{len(labels)} entries, the weights of each output or None"
    else:
        return dict.fromkeys(names, weights)
    raise SamplingError(
        f"weights are {weights!r} for several outputs, expected {expected}; pass that"
    )


def _check_own(own: Any, labels: Any, rank: int) -> None:
    try:
        if not isinstance(own, tf.TensorSpec):
            tf.nest.assert_same_structure(own, labels)
        fits = all(_is_weight(spec, rank) for spec in tf.nest.flatten(own))
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise SamplingError(
            f"the weights in the dataset are {own}, expected numbers {['[]', '[batch]'][rank]}, of "
            "all outputs or by output like the labels; map them to that"
        )


def _is_weight(spec: Any, rank: int) -> bool:
    is_column = spec.shape.rank == rank + 1 and spec.shape[-1] == 1
    return (spec.dtype.is_floating or spec.dtype.is_integer) and (
        spec.shape.rank == rank or is_column
    )


def _times(weights: Any, own: Any) -> Any:
    if tf.is_tensor(own):
        own = tf.nest.map_structure(lambda _: own, weights)
    return tf.nest.map_structure(
        lambda by_class, by_row: (
            by_class * tf.reshape(tf.cast(by_row, tf.float32), tf.shape(by_class))
        ),
        weights,
        own,
    )
