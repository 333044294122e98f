"""What training minimizes: cross-entropy of pairs, or a softmax over items; and a penalty."""

from __future__ import annotations

import tensorflow as tf


def cross_entropy(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """float32 [batch] of log-odds [batch] that a pair was observed; see `observed`."""
    return tf.nn.sigmoid_cross_entropy_with_logits(observed(labels), scores)


def softmax(scores: tf.Tensor) -> tf.Tensor:
    """float32 [batch] of scores [batch, items], the observed item first: -log of its share."""
    first = tf.zeros([tf.shape(scores)[0]], tf.int32)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(first, scores)


def observed(labels: tf.Tensor) -> tf.Tensor:
    """float32 [batch]: 1 for every pair that was observed, however often; a fake's label is 0."""
    return tf.cast(tf.not_equal(labels, 0), tf.float32)


def squares(*vectors: tf.Tensor) -> tf.Tensor:
    """float32 [batch]: the sum of the squares of some vectors [batch, width] of each row."""
    return tf.add_n([tf.reduce_sum(tf.square(each), axis=1) for each in vectors])


def mean(losses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """[]: of losses [batch] by weights [batch]; 0 where all weights are 0, as of padding."""
    return tf.math.divide_no_nan(tf.reduce_sum(losses * weights), tf.reduce_sum(weights))
