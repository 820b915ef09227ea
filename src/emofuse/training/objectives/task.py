"""The usual loss: cross-entropy on shares of labels, and squared error or 1 - CCC on ratings.

Clips without a label or a rating simply do not take part, so that corpora with labels and corpora with
ratings train one model.
"""

import torch
from torch import Tensor
from torch.nn import functional

from emofuse.types import Batch, Output, TaskSpec


class TaskLoss:
    """Weighted sum of both parts; ``class_weights`` multiply each class's share."""

    def __init__(
        self,
        task: TaskSpec,
        *,
        smoothing: float = 0.0,
        class_weights: list[float] | None = None,
        rating_weight: float = 1.0,
        rating_loss: str = "mse",
    ) -> None:
        if class_weights is not None and len(class_weights) != len(task.labels):
            raise ValueError(f"{len(class_weights)} class weights for {len(task.labels)} labels")
        if rating_loss not in ("mse", "mae", "ccc"):
            raise ValueError(f"rating_loss must be mse, mae or ccc, got {rating_loss!r}")
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
        losses = -(target * functional.log_softmax(scores.float(), dim=1)).sum(dim=1)
        return (losses * weights).sum() / weights.sum().clamp_min(1e-8)

    def _ratings(self, predicted: Tensor, truth: Tensor) -> Tensor:
        known = truth.isfinite()
        if self.rating_loss == "ccc":
            columns = [column for column in range(truth.shape[1]) if known[:, column].sum() > 1]
            parts = [1 - _ccc(predicted[known[:, c], c].float(), truth[known[:, c], c]) for c in columns]
            return torch.stack(parts).mean() if parts else predicted.sum() * 0.0
        difference = predicted.float()[known] - truth[known]
        return difference.abs().mean() if self.rating_loss == "mae" else difference.square().mean()


def _ccc(predicted: Tensor, truth: Tensor) -> Tensor:
    covariance = ((predicted - predicted.mean()) * (truth - truth.mean())).mean()
    apart = (predicted.mean() - truth.mean()).square()
    return 2 * covariance / (predicted.var(correction=0) + truth.var(correction=0) + apart).clamp_min(1e-8)
