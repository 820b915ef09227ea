"""Word-piece ids of a text, for encoders that learn their own word vectors."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emofuse.errors import ConfigError, MissingModalityError
from emofuse.features.transcripts import split_sentences
from emofuse.types import Track


class Tokens:
    """Ids by a ``tokenizer.json`` file, cut at ``max_tokens`` (its own end markers included). What lies
    beyond is not read; `pieces` divides a text so that all of it is.

    ``vocabulary_size`` counts the ids; ``mask_id`` is the id of ``[MASK]`` or None.
    """

    name = "tokens"
    source = "text"
    dim = 1
    files = ("vocabulary",)
    cached = False  # cheaper than a look into the cache

    def __init__(self, *, vocabulary: str | Path, max_tokens: int = 64) -> None:
        from tokenizers import Tokenizer

        if max_tokens < 3:
            raise ValueError(f"max_tokens must be at least 3 (two markers and a word), got {max_tokens}")
        self.vocabulary = Path(vocabulary)
        if not self.vocabulary.is_file():
            raise ConfigError(f"{self.vocabulary}: no tokenizer file there")
        content = self.vocabulary.read_bytes()
        try:
            self._tokenizer = Tokenizer.from_str(content.decode("utf-8"))
        except Exception as error:
            raise ConfigError(f"{self.vocabulary}: not a tokenizer.json ({error})") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self.max_tokens = max_tokens
        self.vocabulary_size: int = self._tokenizer.get_vocab_size()
        self.mask_id: int | None = self._tokenizer.token_to_id("[MASK]")
        self.settings: dict[str, str | int | float | bool] = {
            "vocabulary_sha256": hashlib.sha256(content).hexdigest(),
            "max_tokens": max_tokens,
        }

    def knows(self, given: str) -> bool:
        """Whether any word or mark of the text is in the vocabulary."""
        unknown = getattr(self._tokenizer.model, "unk_token", None)
        return any(
            word != unknown for word in self._tokenizer.encode(given, add_special_tokens=False).tokens
        )

    def pieces(self, given: str) -> list[str]:
        """The text in parts of at most ``max_tokens`` each, in order; none where it is blank.

        It is cut where sentences end, a longer sentence between words, a longer word in halves.
        """
        given = given.strip()
        if not given or self._fits(given):
            return [given] if given else []
        for divide in (split_sentences, str.split):
            if len(parts := divide(given)) > 1:
                return self._packed(parts)
        half = len(given) // 2
        return [*self.pieces(given[:half]), *self.pieces(given[half:])] if half else [given]

    def _packed(self, parts: Sequence[str]) -> list[str]:
        """As many parts in one piece as fit, joined by a space."""
        pieces: list[str] = []
        for part in parts:
            if pieces and self._fits(joined := f"{pieces[-1]} {part}"):
                pieces[-1] = joined
            else:
                pieces += self.pieces(part)
        return pieces

    def _fits(self, given: str) -> bool:
        return not self._tokenizer.encode(given).overflowing

    def __call__(self, given: str) -> Track:
        """Return ids ``(tokens, 1)`` as float32, end markers included; ``times`` are token positions.

        Raises:
            MissingModalityError: the text is empty or blank.
        """
        if not given.strip():
            raise MissingModalityError("the text is empty")
        ids = np.array(self._tokenizer.encode(given).ids, dtype=np.float32)
        return Track(ids[:, None], np.arange(len(ids), dtype=np.float64))
