"""A ViT-family encoder (Dosovitskiy et al. 2021, arXiv 2010.11929) over each frame's pixels, pooled over time.

``source`` is a folder or hub name for transformers. Grey pictures go into all channels; pictures of another size
are resized. ``mean`` and ``deviation`` are those of the network's training, for pixels in 0..1.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.errors import ConfigError
from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.pretrained import freeze, open_network

# Frames that are looked at together in prediction.
PIECE = 64


class PretrainedImage(nn.Module):
    """Square frames, grey or RGB, to the class token (``tokens`` "first") or the mean of the others ("mean")."""

    def __init__(
        self, dim: int, *, source: str, tokens: str = "first", pooling: str = "mean", train_layers: int = -1,
        mean: float = 0.5, deviation: float = 0.5, dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        if tokens not in ("first", "mean"):
            raise ConfigError(f"tokens must be 'first' or 'mean', got {tokens!r}")
        self.shape = _shape(dim)
        self.network: Any = open_network(source, "image encoder")
        config = self.network.config
        if not isinstance(getattr(config, "image_size", None), int) or not hasattr(config, "patch_size"):
            raise ConfigError(f"{source}: a ViT-family network is wanted, found {config.model_type}")
        self.tokens, self.mean, self.deviation = tokens, mean, deviation
        self.pool = Pool(int(config.hidden_size), pooling)
        self.out_dim = self.pool.out_dim
        self.frame_dim = self.pool.frame_dim(self.out_dim)
        self.drop = nn.Dropout(dropout)
        freeze(self.network, train_layers)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Pixels ``(batch, time, dim)`` in 0..255 and ``(batch, time)`` to ``(batch, out_dim)``."""
        return self.drop(self.pool(self._states(values, mask), mask))

    def frames(self, values: Tensor, mask: Tensor) -> Tensor:
        """``(batch, time, dim)`` and ``(batch, time)`` to ``(batch, time, frame_dim)``."""
        return self.drop(self._states(values, mask))

    def _states(self, values: Tensor, mask: Tensor) -> Tensor:
        states = values.new_zeros(*mask.shape, int(self.network.config.hidden_size))
        flat = values[mask]
        if len(flat):
            pieces = flat.split(len(flat) if self.training else PIECE)
            states[mask] = torch.cat([self._seen(piece) for piece in pieces]).float()
        return states

    def _seen(self, flat: Tensor) -> Tensor:
        height, width, channels = self.shape
        side, wanted = (
            int(self.network.config.image_size),
            int(getattr(self.network.config, "num_channels", 3)),
        )
        pictures = flat.view(-1, height, width, channels).permute(0, 3, 1, 2) / 255.0
        if channels == 1 != wanted:
            pictures = pictures.expand(-1, wanted, -1, -1)
        if (height, width) != (side, side):
            pictures = functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
        pixels = (pictures - self.mean) / self.deviation
        states = self.network(pixel_values=pixels).last_hidden_state
        return states[:, 0] if self.tokens == "first" else states[:, 1:].mean(dim=1)


def _shape(dim: int) -> tuple[int, int, int]:
    """Height, width and channels of a square picture of ``dim`` numbers."""
    for channels in (1, 3):
        side = round((dim / channels) ** 0.5)
        if side * side * channels == dim:
            return side, side, channels
    raise ConfigError(f"a square picture, grey or RGB, is wanted, got {dim} numbers a frame")
