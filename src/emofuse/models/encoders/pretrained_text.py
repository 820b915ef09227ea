"""A BERT-family text encoder (Devlin et al. 2019) over token ids, fine-tuned or frozen.

``source`` is a folder or hub name for transformers.
"""

from typing import Any

import torch
from torch import Tensor, nn

from emofuse.errors import ConfigError
from emofuse.models.encoders.pooling import Pool
from emofuse.models.encoders.pretrained import freeze, open_network


class PretrainedText(nn.Module):
    """Token ids to the encoder's states, pooled over the tokens."""

    def __init__(
        self,
        dim: int,
        *,
        source: str,
        pooling: str = "mean",
        train_layers: int = -1,
        dropout: float = 0.1,
        tokens_out: float = 0.0,
        mask_id: int = 103,
    ) -> None:
        super().__init__()
        if dim != 1:
            raise ConfigError(f"pretrained_text reads token ids, one a frame; its track is {dim} wide")
        self.network: Any = open_network(source, "text encoder")
        self.longest = int(self.network.config.max_position_embeddings)
        self.pool = Pool(int(self.network.config.hidden_size), pooling)
        self.out_dim = self.pool.out_dim
        self.frame_dim = self.pool.frame_dim(self.out_dim)
        self.drop = nn.Dropout(dropout)
        self.tokens_out, self.mask_id = tokens_out, mask_id
        freeze(self.network, train_layers)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Ids ``(batch, tokens, 1)`` and ``(batch, tokens)`` to ``(batch, out_dim)``."""
        return self.drop(self.pool(self._states(values, mask), mask[:, : self.longest]))

    def frames(self, values: Tensor, mask: Tensor) -> Tensor:
        """Ids to states ``(batch, tokens, frame_dim)``; no more tokens than the network has positions for."""
        return self.drop(self._states(values, mask))

    def _states(self, values: Tensor, mask: Tensor) -> Tensor:
        ids = values[:, : self.longest, 0].long()
        mask = mask[:, : self.longest]
        if self.training and self.tokens_out:
            hidden = torch.rand(ids.shape, device=ids.device) < self.tokens_out
            ids = ids.masked_fill(hidden & mask, self.mask_id)
        # A row without a token would be a softmax over nothing: let it see itself; pooling blanks it.
        visible = mask | ~mask.any(dim=1, keepdim=True)
        return self.network(input_ids=ids, attention_mask=visible.long()).last_hidden_state.float()
