"""Top-k accuracy: is the true class among the k most probable ones?"""

from functools import partial

import numpy as np

from emofuse.evaluation.metrics.checks import check_labelled_probabilities
from emofuse.types import Metric


def top_k_accuracy(truth: np.ndarray, probabilities: np.ndarray, *, k: int) -> float:
    """Share of clips whose true class is among the ``k`` most probable, in [0, 1]; NaN without clips.

    Of equal probabilities the class that comes first ranks first, so that ``k = 1`` is the accuracy. With
    ``k`` classes or fewer it is 1.

    Raises:
        ValueError: ``truth`` is not ``(n,)`` int, ``probabilities`` not ``(n, classes)`` rows of sum 1, or
            ``k`` is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    check_labelled_probabilities(truth, probabilities)
    if not truth.size:
        return float("nan")
    first = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float(np.mean((first == truth[:, None]).any(axis=1)))


TOP2_ACCURACY = Metric("top2_accuracy", "probabilities", partial(top_k_accuracy, k=2))
TOP3_ACCURACY = Metric("top3_accuracy", "probabilities", partial(top_k_accuracy, k=3))
