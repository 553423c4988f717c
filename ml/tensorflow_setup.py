"""TensorFlow and Keras, imported once and set up for fits that can be repeated.

Import both from here and nowhere else: what is set below has effect only before TensorFlow is first imported.
"""

from __future__ import annotations

import os

_FIXED = {
    "KERAS_BACKEND": "tensorflow",
    "TF_ENABLE_ONEDNN_OPTS": "1",  # part of what decides the last bits: never left to the environment
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "OMP_NUM_THREADS": "1",
}
os.environ.update(_FIXED)

import keras  # noqa: E402 - the settings above come first
import tensorflow as tf  # noqa: E402

__all__ = ["keras", "pin_threads", "tf"]


def pin_threads() -> None:
    """Let every operation of this process run on one thread: a worker uses one core, and sums keep their order.

    Raises:
        RuntimeError: If TensorFlow already runs with more threads; call this before its first operation.
    """
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() != 1:
        threading.set_intra_op_parallelism_threads(1)
    if threading.get_inter_op_parallelism_threads() != 1:
        threading.set_inter_op_parallelism_threads(1)


pin_threads()
