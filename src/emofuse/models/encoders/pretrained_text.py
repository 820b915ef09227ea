"""A BERT-family text encoder (Devlin et al. 2019) over token ids, fine-tuned or frozen.

``source`` is a folder or hub name for transformers. A folder without weights gives a network with
fresh ones: that is how a bundle, which carries its own weights, is opened.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emofuse.errors import ConfigError
from emofuse.models.encoders.pooling import Pool

WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json")


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
        self.network: Any = _load(source)
        self.longest = int(self.network.config.max_position_embeddings)
        self.pool = Pool(int(self.network.config.hidden_size), pooling)
        self.out_dim = self.pool.out_dim
        self.drop = nn.Dropout(dropout)
        self.tokens_out, self.mask_id = tokens_out, mask_id
        _freeze(self.network, train_layers)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Ids ``(batch, tokens, 1)`` and ``(batch, tokens)`` to ``(batch, out_dim)``."""
        ids = values[:, : self.longest, 0].long()
        mask = mask[:, : self.longest]
        if self.training and self.tokens_out:
            hidden = torch.rand(ids.shape, device=ids.device) < self.tokens_out
            ids = ids.masked_fill(hidden & mask, self.mask_id)
        # A row without a token would be a softmax over nothing: let it see itself; pooling blanks it.
        visible = mask | ~mask.any(dim=1, keepdim=True)
        states = self.network(input_ids=ids, attention_mask=visible.long()).last_hidden_state
        return self.drop(self.pool(states.float(), mask))

    def save_architecture(self, folder: Path) -> dict[str, str]:
        """Write what `source` must hold to build this network without its weights; returns the option."""
        self.network.config.save_pretrained(folder)
        return {"source": str(folder)}


def _load(source: str) -> Any:
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = Path(source)
    bare = folder.is_dir() and not any((folder / name).is_file() for name in WEIGHT_FILES)
    if bare and (other := sorted(folder.glob("*.bin"))):
        raise ConfigError(f"{other[0]}: weights are read from safetensors only; convert them")
    # Code that lies beside a model is never run.
    options = {"trust_remote_code": False}
    try:
        if bare:
            return AutoModel.from_config(AutoConfig.from_pretrained(folder, **options), **options)
        return AutoModel.from_pretrained(source, **options)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{source}: no text encoder that can be read ({str(error).splitlines()[0]})"
        ) from error


def _freeze(network: Any, train_layers: int) -> None:
    if train_layers < 0:
        return
    layers = getattr(getattr(network, "encoder", None), "layer", None)
    if layers is None or train_layers > len(layers):
        raise ConfigError(f"train_layers is {train_layers}, the encoder has {len(layers or ())} layers")
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    for layer in layers[len(layers) - train_layers :]:
        for parameter in layer.parameters():
            parameter.requires_grad_(True)
