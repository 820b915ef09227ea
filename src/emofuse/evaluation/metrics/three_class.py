"""Two-class scores of a model that names negative, neutral and positive, as MMSA's classification mode has them.

The choice is made between negative and positive alone. In MMSA's non0 accuracy a positive clip is number 2
and a positive choice number 1, so that none is right; here both are the same class.
"""

import numpy as np

from emofuse.evaluation.metrics.checks import check_labelled_probabilities

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2


def has0_of_three(truth: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth and choice ``(n,)``, 1 where positive; neutral clips count as not positive.

    The two go into any metric of two classes, such as `accuracy` or `weighted_f1`.

    Args:
        truth: ``(n,)`` ints: 0 negative, 1 neutral, 2 positive.
        probabilities: ``(n, 3)``, each row summing to 1.

    Raises:
        ValueError: there are not three classes, or the arrays are not what they should be.
    """
    _check(truth, probabilities)
    return (truth == POSITIVE).astype(np.int64), _choice(probabilities)


def non0_of_three(truth: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth and choice ``(m,)`` of the clips that are not neutral, 1 where positive.

    Arguments and errors are those of `has0_of_three`.
    """
    _check(truth, probabilities)
    counts = truth != NEUTRAL
    return (truth[counts] == POSITIVE).astype(np.int64), _choice(probabilities[counts])


def _choice(probabilities: np.ndarray) -> np.ndarray:
    return (probabilities[:, POSITIVE] > probabilities[:, NEGATIVE]).astype(np.int64)


def _check(truth: np.ndarray, probabilities: np.ndarray) -> None:
    check_labelled_probabilities(truth, probabilities)
    if probabilities.shape[1] != POSITIVE + 1:
        raise ValueError(f"need (n, 3) probabilities, got {probabilities.shape}")
