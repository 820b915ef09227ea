"""Pearson correlation, and the concordance correlation coefficient (CCC).

CCC: Lin 1989, Biometrics 45(1), pp. 255-268; population moments (divide by n).
"""

import numpy as np

from emofuse.evaluation.metrics.checks import check_ratings
from emofuse.types import Metric

# Below this share of the values' size, a spread is rounding and not variation.
_ROUNDING = 1e-12


def pearson_correlation(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Linear correlation of two ``(n,)`` arrays, in [-1, 1]; NaN below 2 clips or where one is constant.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    check_ratings(truth, predicted)
    if len(truth) < 2 or _is_constant(truth) or _is_constant(predicted):
        return float("nan")
    first, second = _centred(truth), _centred(predicted)
    value = first @ second / np.sqrt((first @ first) * (second @ second))
    return float(np.clip(value, -1.0, 1.0))


def concordance_correlation(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Agreement of two ``(n,)`` arrays on one scale, in [-1, 1]: 1 is identity, 0 is chance.

    NaN below 2 clips, and where both are constant; 0 where one of them is constant.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    check_ratings(truth, predicted)
    if len(truth) < 2 or (_is_constant(truth) and _is_constant(predicted)):
        return float("nan")
    first, second = _centred(truth), _centred(predicted)
    shift = float(np.mean(truth, dtype=np.float64) - np.mean(predicted, dtype=np.float64))
    spread = np.mean(first**2) + np.mean(second**2) + shift**2
    return float(np.clip(2 * np.mean(first * second) / spread, -1.0, 1.0))


def _is_constant(values: np.ndarray) -> bool:
    return bool(np.ptp(values) <= _ROUNDING * np.abs(values).max())


def _centred(values: np.ndarray) -> np.ndarray:
    wide = values.astype(np.float64)
    return wide - wide.mean()


PEARSON = Metric("pearson", "ratings", pearson_correlation, bounds=(-1.0, 1.0))
CCC = Metric("ccc", "ratings", concordance_correlation, bounds=(-1.0, 1.0))
