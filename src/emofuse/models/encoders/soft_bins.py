"""Single vectors of few, skewed values, such as action units, read through smooth thresholds."""

import torch
from torch import Tensor, nn

from emofuse.models.encoders.pooling import masked_mean


class SoftBins(nn.Module):
    """Masked mean, then beside each feature ``bins`` learned thresholds on it, ``tanh(scale * (x - threshold))``, then
    two linear layers with a ReLU and dropout after each.

    A network of few layers bends slowly along one feature; trees and piecewise linear codes do not (Gorishniy et al.
    2022, arXiv 2203.05556). Ours are smooth and learned; they start evenly spread over -1 to 2, which suits
    standardised features with long upper tails, as intensities have. Number, spread and steepness are our choice.

    Raises:
        ValueError: there are no bins.
    """

    def __init__(
        self, dim: int, *, bins: int = 6, hidden: int = 128, out_dim: int = 64, dropout: float = 0.3
    ) -> None:
        super().__init__()
        if bins < 1:
            raise ValueError(f"bins are 1 or more, got {bins}")
        self.out_dim = out_dim
        self.thresholds = nn.Parameter(torch.linspace(-1.0, 2.0, bins).repeat(dim, 1))
        self.scales = nn.Parameter(torch.full((dim, bins), 1.5))
        self.layers = nn.Sequential(
            nn.Linear(dim * (1 + bins), hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, out_dim), nn.ReLU(), nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, out_dim)``."""
        mean = masked_mean(values, mask)
        binned = torch.tanh((mean.unsqueeze(2) - self.thresholds) * self.scales)
        return self.layers(torch.cat([mean, binned.flatten(1)], dim=1))
