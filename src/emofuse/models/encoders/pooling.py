"""Masked pooling over time, and the encoders that do nothing else."""

import torch
from torch import Tensor, nn

POOLINGS = ("last", "first", "mean", "max", "weighted", "attention", "statistics")


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over valid frames, ``(batch, time, dim)`` to ``(batch, dim)``; 0 if there is none."""
    weights = mask.unsqueeze(-1).to(values.dtype)
    return (values * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1.0)


def masked_max(values: Tensor, mask: Tensor) -> Tensor:
    """Largest value over valid frames, ``(batch, dim)``; 0 if there is none."""
    low = values.masked_fill(~mask.unsqueeze(-1), torch.finfo(values.dtype).min)
    return torch.where(mask.any(dim=1, keepdim=True), low.amax(dim=1), torch.zeros_like(low[:, 0]))


def masked_last(values: Tensor, mask: Tensor) -> Tensor:
    """The last valid frame, ``(batch, dim)``; 0 if there is none."""
    places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    last = places.masked_fill(~mask, 0).amax(dim=1)
    picked = values[torch.arange(len(values), device=values.device), last]
    return picked * mask.any(dim=1, keepdim=True).to(values.dtype)


def masked_statistics(values: Tensor, mask: Tensor) -> Tensor:
    """Mean and population deviation over valid frames side by side, ``(batch, 2 * dim)`` (the statistics
    pooling of Snyder et al. 2018, x-vectors); 0 if there is none.
    """
    mean = masked_mean(values, mask)
    spread = masked_mean((values - mean.unsqueeze(1)).square(), mask)
    # The root's slope is endless at 0, where a single frame stands.
    deviation = (spread + 1e-6).sqrt() * mask.any(dim=1, keepdim=True).to(values.dtype)
    return torch.cat([mean, deviation], dim=1)


class FramePool(nn.Module):
    """Weighted mean over time, with weights that are the softmax of `energy` over valid frames only."""

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, dim)``; 0 where no frame is valid."""
        return torch.einsum("bt,btd->bd", self.weights(values, mask), values)

    def weights(self, values: Tensor, mask: Tensor) -> Tensor:
        """What each frame weighs, ``(batch, time)``; 0 at padding."""
        energy = self.energy(values)
        energy = energy.masked_fill(~mask, torch.finfo(energy.dtype).min)
        return torch.softmax(energy, dim=1) * mask.to(energy.dtype)

    def energy(self, values: Tensor) -> Tensor:
        """The score of each frame, ``(batch, time, dim)`` to ``(batch, time)``."""
        raise NotImplementedError


class LinearPool(FramePool):
    """Attention-weighted pooling: a frame's score is ``v . h_t``. There is no bias, which a softmax would not see."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Linear(dim, 1, bias=False)

    def energy(self, values: Tensor) -> Tensor:
        """The score of each frame, ``(batch, time, dim)`` to ``(batch, time)``."""
        return self.score(values).squeeze(-1)


class AttentionPool(FramePool):
    """Context-based attention pooling: a frame's score is ``v . tanh(W h_t + b)``, where ``v`` is the learned context
    (Aguilar et al. 2019, arXiv 1906.10198, eq. 1-3).
    """

    def __init__(self, dim: int, *, attention_dim: int = 64) -> None:
        super().__init__()
        self.project = nn.Linear(dim, attention_dim)
        self.score = nn.Linear(attention_dim, 1, bias=False)

    def energy(self, values: Tensor) -> Tensor:
        """The score of each frame, ``(batch, time, dim)`` to ``(batch, time)``."""
        return self.score(torch.tanh(self.project(values))).squeeze(-1)


class Pool(nn.Module):
    """One of `POOLINGS` over time; ``out_dim`` is the width of its result."""

    def __init__(self, dim: int, how: str) -> None:
        super().__init__()
        if how not in POOLINGS:
            raise ValueError(f"pooling must be one of {POOLINGS}, got {how!r}")
        self.how = how
        self.out_dim = 2 * dim if how == "statistics" else dim
        attending: dict[str, type[FramePool]] = {"weighted": LinearPool, "attention": AttentionPool}
        self.attention = attending[how](dim) if how in attending else None

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        if self.attention is not None:
            return self.attention(values, mask)
        if self.how == "first":
            return values[:, 0] * mask[:, :1].to(values.dtype)
        by_name = {
            "last": masked_last, "mean": masked_mean, "max": masked_max, "statistics": masked_statistics,
        }  # fmt: skip
        return by_name[self.how](values, mask)

    def frame_dim(self, out_dim: int) -> int | None:
        """``out_dim`` where the layer after this pooling can stand on single frames as well, else None: attention
        would be left without a use, and statistics are wider than a frame.
        """
        return None if self.how in ("weighted", "attention", "statistics") else out_dim


class Frames(nn.Module):
    """Dropout and one linear layer on each frame, for fusions that work over time; by itself their mean."""

    def __init__(self, dim: int, *, out_dim: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.out_dim = self.frame_dim = out_dim
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, out_dim))

    def frames(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` to ``(batch, time, frame_dim)``."""
        return self.project(values)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return masked_mean(self.frames(values, mask), mask)


class MeanPool(nn.Module):
    """Masked mean, dropout, linear."""

    def __init__(self, dim: int, *, out_dim: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.project = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, out_dim))

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.project(masked_mean(values, mask))


class Mlp(nn.Module):
    """Masked mean, then two linear layers with a ReLU and dropout after each."""

    def __init__(self, dim: int, *, hidden: int = 64, out_dim: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.out_dim = out_dim
        self.layers = nn.Sequential(
            nn.Linear(dim, hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, out_dim), nn.ReLU(), nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.layers(masked_mean(values, mask))
