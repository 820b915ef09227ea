"""Attention from the frames of one modality to those of another, any two lengths."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class CrossAttention(nn.Module):
    """Multi-head attention with the query from one sequence and key and value from another."""

    def __init__(self, width: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} is not a multiple of {heads} heads")
        self.heads, self.dropout = heads, dropout
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.project_out = nn.Linear(width, width)

    def forward(self, values: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """``(batch, time, width)``, ``(batch, other time, width)`` and its mask to ``(batch, time, width)``;
        0 in rows whose source has no frame.
        """
        batch, time, width = values.shape
        query = self.query(values).view(batch, time, self.heads, -1).transpose(1, 2)
        split = self.key_value(source).view(batch, source.shape[1], 2, self.heads, width // self.heads)
        key, value = split.permute(2, 0, 3, 1, 4)
        some = source_mask.any(dim=1)
        # A softmax over nothing is not a number: such a row sees all, and its answer is blanked.
        visible = (source_mask | ~some.unsqueeze(1))[:, None, None]
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=visible, dropout_p=self.dropout if self.training else 0.0
        )
        projected = self.project_out(attended.transpose(1, 2).reshape(batch, time, width))
        return torch.where(some[:, None, None], projected, torch.zeros_like(projected))
