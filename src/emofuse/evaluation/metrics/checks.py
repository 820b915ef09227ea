"""What every metric asks of its arrays; a breach is a ValueError that says what was found and wanted."""

import numpy as np

SUM_TOLERANCE = 1e-3


def check_labels(truth: np.ndarray, predicted: np.ndarray, *, classes: int) -> None:
    """Two ``(n,)`` int arrays with values in ``[0, classes)``.

    Raises:
        ValueError: another shape, another type, or a label out of range.
    """
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(f"need two (n,) arrays, got {truth.shape} and {predicted.shape}")
    for name, labels in (("truth", truth), ("predicted", predicted)):
        if labels.dtype.kind not in "iu":
            raise ValueError(f"{name} labels must be integers, got {labels.dtype}")
        if labels.size and not (labels.min() >= 0 and labels.max() < classes):
            raise ValueError(
                f"{name} labels must lie in [0, {classes}), got {labels.min()} to {labels.max()}"
            )


def check_probabilities(probabilities: np.ndarray) -> None:
    """``(n, classes)`` finite, not negative, each row summing to 1.

    Raises:
        ValueError: one of these does not hold.
    """
    if probabilities.ndim != 2 or not probabilities.shape[1]:
        raise ValueError(f"need (n, classes) probabilities, got {probabilities.shape}")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities must be finite")
    if probabilities.size and probabilities.min() < 0:
        raise ValueError(f"probabilities must not be negative, got {probabilities.min()}")
    sums = probabilities.sum(axis=1)
    if (np.abs(sums - 1) > SUM_TOLERANCE).any():
        raise ValueError(f"each row must sum to 1, got sums from {sums.min():.4f} to {sums.max():.4f}")


def check_labelled_probabilities(truth: np.ndarray, probabilities: np.ndarray) -> None:
    """``(n,)`` int truth beside ``(n, classes)`` probabilities.

    Raises:
        ValueError: one of the two is not what it should be, or their lengths differ.
    """
    check_probabilities(probabilities)
    if truth.shape != probabilities.shape[:1]:
        raise ValueError(f"need (n,) truth for {probabilities.shape} probabilities, got {truth.shape}")
    check_labels(truth, truth, classes=probabilities.shape[1])


def check_ratings(truth: np.ndarray, predicted: np.ndarray) -> None:
    """Two ``(n,)`` arrays of finite numbers.

    Raises:
        ValueError: shapes differ, or a value is not finite.
    """
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(f"need two (n,) arrays, got {truth.shape} and {predicted.shape}")
    if not (np.isfinite(truth).all() and np.isfinite(predicted).all()):
        raise ValueError("ratings must be finite")
