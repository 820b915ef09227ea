"""The multi-view gated memory of MFN (Zadeh et al. 2018, https://arxiv.org/abs/1802.00927), which Graph-MFN has too.

``u_t = keep_t * u_{t-1} + write_t * proposal_t``; both gates read the attended views and ``u_{t-1}``. Nothing
else recurs, so the loop over time holds only what the memory feeds.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.models.encoders.steps import Steps


class Gate(nn.Module):
    """Linear, ReLU, dropout, linear, sigmoid on the attended views and the memory side by side."""

    def __init__(self, dim: int, memory: int, *, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dim = dim
        self.first, self.second = nn.Linear(dim + memory, hidden), nn.Linear(hidden, memory)
        self.drop = nn.Dropout(dropout)

    def halves(self, attended: Tensor) -> tuple[Tensor, Tensor]:
        """The first layer on the attended views of all frames, and its weights on the memory."""
        seen, own = self.first.weight[:, : self.dim], self.first.weight[:, self.dim :]
        return functional.linear(attended, seen, self.first.bias), own

    def forward(self, seen: Tensor, own: Tensor, memory: Tensor) -> Tensor:
        """One step: `halves` of its rows and their memory, ``(rows, memory)``."""
        hidden = torch.relu(seen + functional.linear(memory, own))
        return torch.sigmoid(self.second(self.drop(hidden)))


class GatedMemory(nn.Module):
    """``memory`` wide; the gates (keep, write) have a hidden layer and a dropout each."""

    def __init__(
        self,
        dim: int,
        memory: int,
        *,
        hidden: Sequence[int] = (256, 32),
        dropouts: Sequence[float] = (0.7, 0.5),
    ) -> None:
        super().__init__()
        self.keep, self.write = (
            Gate(dim, memory, hidden=width, dropout=rate)
            for width, rate in zip(hidden, dropouts, strict=True)
        )

    def forward(self, attended: Tensor, proposal: Tensor, steps: Steps) -> Tensor:
        """The memory after each row's last frame, ``(batch, memory)``, from all frames' attended views
        ``(frames, dim)`` and proposals ``(frames, memory)``.
        """
        (keep, keep_own), (write, write_own) = self.keep.halves(attended), self.write.halves(attended)
        memory = proposal.new_zeros(steps.sizes[0], proposal.shape[1])
        memories = []
        for kept, written, new in zip(
            *(one.split(steps.sizes) for one in (keep, write, proposal)), strict=True
        ):
            memory = memory[: len(new)]
            memory = (
                self.keep(kept, keep_own, memory) * memory + self.write(written, write_own, memory) * new
            )
            memories.append(memory)
        return torch.cat(memories)[steps.last]
