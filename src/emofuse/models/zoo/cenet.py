"""CENet, a cross-modal enhancement inside a language model (Wang et al. 2022, https://doi.org/10.1109/TMM.2022.3183830):
before one of its layers every token asks the frames of each other modality, and the answers move it.

With ``pretrained`` (a folder or hub name of BERT's family) the main modality is token ids; without it vectors, read by
a small transformer. Frames pass two layers first, as in MMSA; the paper turns them into 16 words by k-means, which
``words`` learns softly with the model. Differs: attention is scaled by the root of the width (the authors' code
sharpens it eightfold), keys have no bias; a clip without the main modality is one learned token. The enhancement has
5,924,352 parameters at MMSA's sizes (768 with 5 and 20); with a transformer of 128 the whole has 1,060,225.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from emofuse.errors import ConfigError
from emofuse.models.heads import Head
from emofuse.models.naming import leading
from emofuse.models.recipe import Recipe
from emofuse.models.zoo.mag_bert import FrameTransformer, TokenTransformer
from emofuse.types import Batch, Output, TaskSpec


class Enhancement(nn.Module):
    """Tokens moved by ``W [a_1; ... a_n] + c``, where ``a`` is what they find in each other modality by attention.

    With ``words`` above 0 a frame is a mixture of that many learned vectors, else it passes two linear layers.
    """

    def __init__(self, width: int, dims: Mapping[str, int], *, words: int) -> None:
        super().__init__()
        self.transforms = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Linear(dim, words), nn.Softmax(dim=2), nn.Linear(words, width, bias=False)
                )
                if words
                else nn.Sequential(nn.Linear(dim, width), nn.ReLU(), nn.Linear(width, width))
                for name, dim in dims.items()
            }
        )
        self.queries = nn.ModuleDict({name: nn.Linear(width, width) for name in dims})
        # A softmax does not see what is added to all: keys need no bias.
        self.keys = nn.ModuleDict({name: nn.Linear(width, width, bias=False) for name in dims})
        self.values = nn.ModuleDict({name: nn.Linear(width, width) for name in dims})
        self.connect = nn.Linear(len(dims) * width, width) if dims else None

    def forward(self, tokens: Tensor, values: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """``(batch, tokens, width)``, with ``{name: (batch, time, dim)}`` and ``{name: (batch, time)}`` of the others,
        to ``(batch, tokens, width)``.
        """
        if self.connect is None:
            return tokens
        found = [self._asked(name, tokens, values[name], masks[name]) for name in self.transforms]
        return tokens + self.connect(torch.cat(found, dim=2))

    def _asked(self, name: str, tokens: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        # Tokens are few and frames are many: what is linear in a frame is done to the query (q . W x is W' q . x)
        # and to the answer (a mean of W x is W of the mean), so that keys and values are never laid out.
        *before, last = self.transforms[name].children()
        for layer in before:
            values = layer(values)
        keys: Any = self.keys[name]
        query = self.queries[name](tokens) @ keys.weight @ last.weight
        some = mask.any(dim=1)[:, None, None]
        # A softmax over nothing is not a number: such a row sees all, and its answer is blanked.
        found = functional.scaled_dot_product_attention(
            query, values, values, attn_mask=mask.unsqueeze(1) | ~some, scale=tokens.shape[2] ** -0.5
        )
        told = self.values[name](last(found))
        return torch.where(some, told, torch.zeros_like(told))


class Cenet(nn.Module):
    """A language model over the main modality, enhanced before its layer number ``injection``, counted from 0.

    Raises:
        ConfigError: there is no such layer.
    """

    def __init__(
        self, backbone: FrameTransformer | TokenTransformer, enhance: Enhancement, task: TaskSpec, *,
        main: str, injection: int, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.main, self.injection = main, injection
        self.backbone, self.enhance = backbone, enhance
        self.absent = nn.Parameter(torch.randn(backbone.width) * 0.02)
        self.drop, self.head = nn.Dropout(dropout), Head(backbone.out_dim, task)
        if not 0 <= injection < len(_layers(backbone)):
            raise ConfigError(
                f"injection is {injection}; the language model has {len(_layers(backbone))} layers"
            )

    def forward(self, batch: Batch) -> Output:
        """Scores ``(batch, classes)``, ratings ``(batch, ratings)`` and the fused ``(batch, out_dim)``."""
        mask = batch.masks[self.main][:, : self.backbone.longest]
        here = batch.presence[self.main].unsqueeze(1)
        tokens = self.backbone.tokens(batch.values[self.main][:, : self.backbone.longest])
        tokens = torch.where(here.unsqueeze(2), tokens, self.absent.to(tokens.dtype))
        mask = mask | (~here & (torch.arange(mask.shape[1], device=mask.device) == 0))
        layer = _layers(self.backbone)[self.injection]
        with changed(layer, lambda hidden: self.enhance(hidden, batch.values, batch.masks)):
            fused = self.backbone.read(tokens, mask)
        scores, ratings = self.head(self.drop(fused))
        return Output(scores, ratings, fused)


@contextmanager
def changed(layer: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """While it lasts, what ``layer`` is given first is changed on its way in."""
    handle = layer.register_forward_pre_hook(lambda module, given: (change(given[0]), *given[1:]))
    try:
        yield
    finally:
        handle.remove()


def cenet(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    pretrained: str | None = None,
    train_layers: int = -1,
    width: int = 128,
    layers: int = 4,
    heads: int = 4,
    pooling: str = "mean",
    injection: int = 1,
    words: int = 0,
    dropout: float = 0.1,
) -> Recipe:
    """``train_layers`` of the pretrained network are trained (all if negative); ``width``, ``layers``, ``heads`` and
    ``pooling`` are of the transformer that stands in its place without it.

    Raises:
        ConfigError: ``main`` or the layer is not there, or the network cannot be read.
    """
    first, *others = leading(dims, main)
    backbone: FrameTransformer | TokenTransformer
    if pretrained is None:
        backbone = FrameTransformer(
            dims[first], width=width, layers=layers, heads=heads, pooling=pooling, dropout=dropout
        )
    else:
        backbone = TokenTransformer(dims[first], source=pretrained, train_layers=train_layers)
    enhance = Enhancement(backbone.width, {name: dims[name] for name in others}, words=words)
    return Recipe(Cenet(backbone, enhance, task, main=first, injection=injection, dropout=dropout))


def _layers(backbone: FrameTransformer | TokenTransformer) -> Any:
    return backbone.layers if isinstance(backbone, FrameTransformer) else backbone.network.encoder.layer
