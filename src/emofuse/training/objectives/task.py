"""The usual loss: a loss on shares of labels and one on ratings, each by name, added up.

Clips without a label or a rating simply do not take part, so that corpora with labels and corpora with
ratings train one model.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from emofuse.types import Batch, Output, TaskSpec


def cross_entropy(scores: Tensor, target: Tensor, *, gamma: float) -> Tensor:
    """``-sum(target log p)``, ``(batch, classes)`` twice to ``(batch,)``; ``gamma`` is not used."""
    return -(target * functional.log_softmax(scores, dim=1)).sum(dim=1)


def focal(scores: Tensor, target: Tensor, *, gamma: float) -> Tensor:
    """``-sum(target (1 - p)^gamma log p)`` (Lin et al. 2017, arXiv 1708.02002); clips that are easy count less."""
    logs = functional.log_softmax(scores, dim=1)
    return -(target * (1 - logs.exp()).clamp_min(0) ** gamma * logs).sum(dim=1)


def ordinal(scores: Tensor, target: Tensor, *, gamma: float) -> Tensor:
    """Squared earth mover's distance between the shares and the softmax, for labels that stand in an order
    (Hou et al. 2016, arXiv 1611.05916): a miss by two classes costs more than a miss by one.
    """
    apart = scores.softmax(dim=1).cumsum(dim=1) - target.cumsum(dim=1)
    return apart.square().sum(dim=1)


def binary(scores: Tensor, target: Tensor, *, gamma: float) -> Tensor:
    """Binary cross-entropy of each label by itself, averaged over labels, for clips that carry several: a label
    with any share is there.
    """
    there = (target > 0).to(scores.dtype)
    return functional.binary_cross_entropy_with_logits(scores, there, reduction="none").mean(dim=1)


LABEL_LOSSES = {"cross_entropy": cross_entropy, "focal": focal, "ordinal": ordinal, "binary": binary}
RATING_LOSSES = {
    "mse": functional.mse_loss, "mae": functional.l1_loss, "huber": functional.smooth_l1_loss,
}  # fmt: skip


class TaskLoss:
    """Weighted sum of both parts. ``label_loss`` is one of `LABEL_LOSSES` (``gamma`` is focal's),
    ``class_weights`` multiply each class's share; ``rating_loss`` is one of `RATING_LOSSES`, or "ccc" for 1 - CCC.

    Raises:
        ValueError: an unknown loss, a number out of range, or not one class weight a label.
    """

    def __init__(
        self,
        task: TaskSpec,
        *,
        label_loss: str = "cross_entropy",
        smoothing: float = 0.0,
        gamma: float = 2.0,
        class_weights: list[float] | None = None,
        rating_weight: float = 1.0,
        rating_loss: str = "mse",
    ) -> None:
        if class_weights is not None and len(class_weights) != len(task.labels):
            raise ValueError(f"{len(class_weights)} class weights for {len(task.labels)} labels")
        if class_weights is not None and not (min(class_weights) >= 0 < sum(class_weights)):
            raise ValueError(f"class weights are 0 or more, and not all 0; got {class_weights}")
        if label_loss not in LABEL_LOSSES:
            raise ValueError(f"label_loss must be one of {', '.join(LABEL_LOSSES)}, got {label_loss!r}")
        if rating_loss not in (*RATING_LOSSES, "ccc"):
            raise ValueError(f"rating_loss must be {', '.join(RATING_LOSSES)} or ccc, got {rating_loss!r}")
        for name, value, high in (
            ("smoothing", smoothing, 1.0), ("gamma", gamma, math.inf), ("rating_weight", rating_weight, math.inf),
        ):  # fmt: skip
            if not 0 <= value < high:
                raise ValueError(f"{name} is at least 0{' and below 1' * (high == 1)}, got {value}")
        if label_loss == "binary" and (smoothing or class_weights):
            raise ValueError(
                "label_loss binary asks which labels are there; it has no smoothing or class_weights"
            )
        self.label_loss, self.gamma = LABEL_LOSSES[label_loss], gamma
        self.smoothing = smoothing
        self.class_weights = class_weights
        self.rating_weight = rating_weight
        self.rating_loss = rating_loss

    def __call__(self, output: Output, batch: Batch) -> Tensor:
        """A scalar; zero (with a gradient) where the batch has no target at all."""
        loss = output.scores.sum() * 0.0 + output.ratings.sum() * 0.0
        labelled = batch.shares.isfinite().all(dim=1) & (batch.shares.shape[1] > 0)
        if labelled.any():
            loss = loss + self._labels(
                output.scores[labelled], batch.shares[labelled], batch.weights[labelled]
            )
        if batch.ratings.isfinite().any():
            loss = loss + self.rating_weight * self._ratings(output.ratings, batch.ratings)
        return loss

    def _labels(self, scores: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
        target = shares * (1 - self.smoothing) + self.smoothing / shares.shape[1]
        if self.class_weights is not None:
            target = target * torch.tensor(self.class_weights, device=target.device)
        losses = self.label_loss(scores.float(), target, gamma=self.gamma)
        return (losses * weights).sum() / weights.sum().clamp_min(1e-8)

    def _ratings(self, predicted: Tensor, truth: Tensor) -> Tensor:
        known = truth.isfinite()
        if self.rating_loss == "ccc":
            columns = [column for column in range(truth.shape[1]) if known[:, column].sum() > 1]
            parts = [1 - _ccc(predicted[known[:, c], c].float(), truth[known[:, c], c]) for c in columns]
            return torch.stack(parts).mean() if parts else predicted.sum() * 0.0
        return RATING_LOSSES[self.rating_loss](predicted.float()[known], truth[known])


def _ccc(predicted: Tensor, truth: Tensor) -> Tensor:
    covariance = ((predicted - predicted.mean()) * (truth - truth.mean())).mean()
    apart = (predicted.mean() - truth.mean()).square()
    return 2 * covariance / (predicted.var(correction=0) + truth.var(correction=0) + apart).clamp_min(1e-8)
