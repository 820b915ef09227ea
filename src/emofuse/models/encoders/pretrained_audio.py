"""A wav2vec 2.0-family encoder (Baevski et al. 2020, arXiv 2006.11477; HuBERT, WavLM) over raw samples.

The track holds samples at the network's rate, one or more a frame (320 at 16 kHz make one frame of the network).
``source`` is a folder or hub name for transformers. The random masking and layer drop of its pre-training are off.
"""

from typing import Any

import torch
from torch import Tensor, nn

from emofuse.errors import ConfigError
from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.pretrained import freeze, open_network


class PretrainedAudio(nn.Module):
    """Samples to the encoder's states, pooled over time; ``normalise`` brings each clip to mean 0, deviation 1."""

    def __init__(
        self, dim: int, *, source: str, pooling: str = "mean", train_layers: int = -1, normalise: bool = True,
        dropout: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.network: Any = open_network(source, "audio encoder")
        config = self.network.config
        if not hasattr(config, "conv_kernel") or not hasattr(config, "conv_stride"):
            raise ConfigError(f"{source}: a network over raw samples is wanted, found {config.model_type}")
        config.apply_spec_augment, config.layerdrop = False, 0.0
        self.steps = tuple(zip(config.conv_kernel, config.conv_stride, strict=True))
        self.least = 1
        for kernel, stride in reversed(self.steps):
            self.least = (self.least - 1) * stride + kernel
        # The first layer of the others is normalised over a whole row, padding included.
        self.ragged = getattr(config, "feat_extract_norm", None) != "layer"
        self.normalise = normalise
        self.pool = Pool(int(config.hidden_size), pooling)
        self.out_dim = self.pool.out_dim
        self.drop = nn.Dropout(dropout)
        freeze(self.network, train_layers)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Samples ``(batch, time, samples)`` in [-1, 1] and ``(batch, time)`` to ``(batch, out_dim)``."""
        lengths = mask.sum(dim=1) * values.shape[2]
        valid = mask.unsqueeze(2).expand_as(values).flatten(1)
        samples = self._standard(values.flatten(1), valid) if self.normalise else values.flatten(1) * valid
        counts = self._frames_of(lengths)
        states = samples.new_zeros(len(samples), max(1, int(counts.max())), self.network.config.hidden_size)
        for rows in _groups(lengths, ragged=self.ragged):
            found = self._states(samples[rows], lengths[rows])
            states[rows, : found.shape[1]] = found.float()
        there = torch.arange(states.shape[1], device=mask.device) < counts.unsqueeze(1)
        return self.drop(self.pool(states, there))

    def _states(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """``(rows, frames, hidden)`` of rows that have samples; too short ones are filled up with silence."""
        longest = max(int(lengths.max()), self.least)
        samples = nn.functional.pad(samples, (0, max(0, longest - samples.shape[1])))[:, :longest]
        heard = torch.arange(longest, device=samples.device) < lengths.clamp_min(self.least).unsqueeze(1)
        asked = None if self.ragged else heard.long()
        return self.network(input_values=samples, attention_mask=asked).last_hidden_state

    def _frames_of(self, lengths: Tensor) -> Tensor:
        counts = lengths.clamp_min(self.least)
        for kernel, stride in self.steps:
            counts = torch.div(counts - kernel, stride, rounding_mode="floor") + 1
        return counts * (lengths > 0)

    @staticmethod
    def _standard(samples: Tensor, valid: Tensor) -> Tensor:
        count = valid.sum(dim=1, keepdim=True).clamp_min(1)
        samples = torch.where(valid, samples, torch.zeros_like(samples))
        centred = (samples - samples.sum(dim=1, keepdim=True) / count) * valid
        return centred / (centred.square().sum(dim=1, keepdim=True) / count + 1e-7).sqrt()


def _groups(lengths: Tensor, *, ragged: bool) -> list[Tensor]:
    """Rows that go through the network together, none without samples: all, or those of one length."""
    if not ragged:
        rows = (lengths > 0).nonzero().squeeze(1)
        return [rows] if len(rows) else []
    return [(lengths == length).nonzero().squeeze(1) for length in lengths.unique() if length > 0]
