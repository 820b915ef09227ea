"""The error of a head that is not the model's last word: of one modality alone, or of an earlier step."""

import torch
from torch import Tensor
from torch.nn import functional

from emofuse.types import Batch


def task_error(scores: Tensor, ratings: Tensor, batch: Batch, *, rows: Tensor | None = None) -> Tensor:
    """Cross-entropy on shares of labels plus mean absolute error on ratings, over what is known in ``rows``
    ``(batch,)`` (all by default). A scalar; zero, with a gradient, where nothing is known.
    """
    rows = torch.ones(len(batch), dtype=torch.bool, device=scores.device) if rows is None else rows
    loss = (scores.sum() + ratings.sum()) * 0.0
    labelled = rows & batch.shares.isfinite().all(dim=1) & (batch.shares.shape[1] > 0)
    if labelled.any():
        logs = functional.log_softmax(scores[labelled].float(), dim=1)
        loss = loss - (batch.shares[labelled] * logs).sum(dim=1).mean()
    known = rows.unsqueeze(1) & batch.ratings.isfinite()
    if known.any():
        loss = loss + functional.l1_loss(ratings.float()[known], batch.ratings[known])
    return loss
