"""A Keras layer that gives a model of one's own the features that the trainer's model has.

    layer = FeatureLayer(measure(InputFn(files, readable(schema), shuffle=True)))
    inputs = layer.inputs(schema)
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, "sigmoid")(layer(inputs)))
    model.fit(train.dataset(), epochs=3)

It is part of the model: what is saved takes features as files have them. In a `Sequential`, whose
inputs have no names, it trains and predicts, and Keras 2 can't load what was saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from sampling.features import encoding
from sampling.features.columns import Columns
from sampling.schema import Schema

_SMALL = 0.05  # embeddings begin as small as this


@tf.keras.utils.register_keras_serializable(package="sampling")
class FeatureLayer(tf.keras.layers.Layer):
    """Features by name, [batch] each -> float32 [batch, features].

    Numbers and dates come scaled, with indicators of what is missing; categories as embeddings,
    which are trained. Features that the columns lack are left out.

    Args:
        columns: what `measure` found.
        options: of a Keras layer.
    """

    def __init__(self, columns: Columns | Mapping[str, Any], **options: Any):
        super().__init__(**options)
        if not isinstance(columns, Columns):
            columns = Columns.from_dict(columns)
        self._columns, categories = columns, columns.categories
        self._vocabulary = encoding.vocabulary_table(categories)
        self._tables, self._groups = [], []
        begins = np.cumsum([0, *(each.codes for each in categories)])
        for width in sorted({each.width for each in categories}):  # of one width, in one table
            places = [p for p, each in enumerate(categories) if each.width == width]
            sizes = [categories[place].codes for place in places]
            shift = np.cumsum([0, *sizes[:-1]]) - begins[places]
            self._groups.append((places, shift, len(places) * width))
            self._tables.append(
                self.add_weight(
                    name=f"embedding_{width}",
                    shape=(sum(sizes), width),
                    initializer=tf.keras.initializers.RandomUniform(-_SMALL, _SMALL),
                )
            )

    def call(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """float32 [batch, features]"""
        used = {name: self._flat(values) for name, values in features.items()}
        encoded = encoding.encode(used, self._columns, self._vocabulary)
        parts = [encoded.matrix]
        for table, (places, shift, width) in zip(self._tables, self._groups, strict=True):
            codes = tf.gather(encoded.codes, places, axis=1) + shift
            found = tf.nn.embedding_lookup(tf.convert_to_tensor(table), codes)
            parts.append(tf.reshape(found, [-1, width]))
        return tf.ensure_shape(tf.concat(parts, axis=1), [None, self._width])

    def inputs(self, schema: Schema) -> dict[str, Any]:
        """A Keras input for each column that it takes, for a functional model."""
        kinds = self._columns.numbers, self._columns.dates, self._columns.categories
        names = dict.fromkeys(each.name for kind in kinds for each in kind)
        return {
            name: tf.keras.Input(
                [],
                name=name,
                dtype="string" if schema[name].is_string else schema[name].numpy_dtype.name,
            )
            for name in names
        }

    def compute_output_shape(self, input_shape: Any) -> tuple[None, int]:
        """(None, features)"""
        return None, self._width

    def get_config(self) -> dict[str, Any]:
        """Plain values, of which Keras makes the same layer."""
        return {**super().get_config(), "columns": self._columns.to_dict()}

    @property
    def _width(self) -> int:
        return encoding.width(self._columns) + sum(width for *_, width in self._groups)

    @staticmethod
    def _flat(values: Any) -> tf.Tensor:
        """[batch], of [batch, 1] as Keras has it at times."""
        values = tf.convert_to_tensor(values)
        return values[:, 0] if values.shape.rank == 2 else values
