"""Frozen contextual embeddings of a transformer encoder (Devlin et al. 2019)."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from emofuse.errors import ConfigError, MissingModalityError
from emofuse.types import Track

POOLINGS = ("tokens", "cls", "mean")
_HASHED = ("config.json", "tokenizer*.json", "vocab.*", "*.safetensors", "*.bin")


class Bert:
    """Hidden states of ``layer`` of ``encoder``, a folder or a name on the hub.

    The weights are loaded at the first call; ``calls`` counts how often the encoder ran.

    Args:
        layer: 0 is the word embedding, -1 the last layer.
        max_tokens: longer texts are cut.
        pooling: ``"tokens"`` one frame a token, end markers included; ``"cls"`` the first token;
            ``"mean"`` the mean of all tokens.
    """

    name = "bert"
    source = "text"

    def __init__(
        self, *, encoder: str | Path, layer: int = -1, max_tokens: int = 256, pooling: str = "tokens"
    ) -> None:
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is one of {POOLINGS}, got {pooling!r}")
        if max_tokens < 3:
            raise ValueError(f"max_tokens must be at least 3 (two markers and a word), got {max_tokens}")
        self.encoder = encoder
        self.files: tuple[str, ...] = ("encoder",) if Path(encoder).is_dir() else ()
        self.calls = 0
        self._layer, self._max_tokens, self._pooling = layer, max_tokens, pooling

    @cached_property
    def dim(self) -> int:
        """Width of the hidden states, read from the encoder's configuration."""
        from transformers import AutoConfig

        return int(self._read(AutoConfig).hidden_size)

    @cached_property
    def settings(self) -> dict[str, str | int | float | bool]:
        """The arguments; a folder counts by the content of its files."""
        chosen: dict[str, str | int | float | bool] = {
            "layer": self._layer,
            "max_tokens": self._max_tokens,
            "pooling": self._pooling,
        }
        if self.files:
            return {"encoder_sha256": _content_hash(Path(self.encoder)), **chosen}
        return {"encoder": str(self.encoder), **chosen}

    def __call__(self, given: str) -> Track:
        """Return ``(tokens, dim)`` float32, or ``(1, dim)`` where pooled; ``times`` are token positions.

        Raises:
            MissingModalityError: the text is empty or blank.
            ConfigError: the encoder cannot be read, or has no such layer.
        """
        if not given.strip():
            raise MissingModalityError("the text is empty")
        import torch

        tokenizer, model = self._loaded
        tokens = tokenizer(given, truncation=True, max_length=self._max_tokens, return_tensors="pt")
        self.calls += 1
        with torch.inference_mode():
            layers = model(**tokens, output_hidden_states=True).hidden_states
        if not -len(layers) <= self._layer < len(layers):
            raise ConfigError(f"{self.encoder}: no layer {self._layer}; it has 0 to {len(layers) - 1}")
        values = layers[self._layer][0].float().numpy()
        pooled = {"tokens": values, "cls": values[:1], "mean": values.mean(axis=0, keepdims=True)}
        chosen = pooled[self._pooling]
        return Track(chosen, np.arange(len(chosen), dtype=np.float64))

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer

        return self._read(AutoTokenizer), self._read(AutoModel).eval()

    def _read(self, kind: Any) -> Any:
        try:
            return kind.from_pretrained(self.encoder, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"{self.encoder}: cannot be read as a transformer encoder ({reason})"
            ) from error


def _content_hash(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted({path for pattern in _HASHED for path in folder.glob(pattern)}):
        total.update(path.name.encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
