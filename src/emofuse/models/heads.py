"""Heads: a fused embedding to class scores and ratings."""

from torch import Tensor, nn

from emofuse.types import TaskSpec


class Head(nn.Module):
    """Optional hidden layer with ReLU and dropout, then a linear layer for classes and one for ratings."""

    def __init__(self, dim: int, task: TaskSpec, *, hidden: int = 0, dropout: float = 0.1) -> None:
        super().__init__()
        self.hidden = (
            nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Dropout(dropout))
            if hidden
            else nn.Identity()
        )
        self.scores = _linear(hidden or dim, len(task.labels))
        self.ratings = _linear(hidden or dim, len(task.ratings))

    def forward(self, fused: Tensor) -> tuple[Tensor, Tensor]:
        """``(batch, dim)`` to scores ``(batch, classes)`` and ratings ``(batch, ratings)``."""
        hidden = self.hidden(fused)
        return self.scores(hidden), self.ratings(hidden)


class _Nothing(nn.Module):
    """No outputs: ``(batch, dim)`` to ``(batch, 0)``."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden[:, :0]


def _linear(dim: int, outputs: int) -> nn.Module:
    return nn.Linear(dim, outputs) if outputs else _Nothing()
