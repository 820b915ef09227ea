"""What a model is measured under: noises on features and on media, at a strength and with a seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from emofuse.alignment.collate import collate
from emofuse.errors import ConfigError, DatasetError
from emofuse.models.recipe import make
from emofuse.perturbations import PERTURBATIONS
from emofuse.types import Batch, Sample

Operation = Callable[[Batch, torch.Generator], Batch]
Remake = Callable[[Sequence[Sample], float, int], Sequence[Sample]]


@dataclass(frozen=True, eq=False)
class Condition:
    """One noise on features: ``make(strength)`` gives an operation on batches; ``modalities`` says on which
    it works (empty: on all).
    """

    name: str
    make: Callable[[float], Operation]
    modalities: tuple[str, ...] = ()

    def worsened(
        self, samples: Sequence[Sample], clean: Batch, *, strength: float, seed: int, number: int
    ) -> Batch:
        """The batch of that number under noise; within a seed every strength draws the same chances."""
        mixed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        return self.make(strength)(clean, torch.Generator(clean.shares.device).manual_seed(mixed))


@dataclass(frozen=True, eq=False)
class MediaCondition:
    """One noise on raw media: ``remake(samples, strength, seed)`` gives the same clips in the same order,
    their features extracted anew from media made worse (sound, pictures or words).
    """

    name: str
    remake: Remake
    modalities: tuple[str, ...] = ()

    def worsened(
        self, samples: Sequence[Sample], clean: Batch, *, strength: float, seed: int, number: int
    ) -> Batch:
        """The batch of the remade clips.

        Raises:
            DatasetError: ``remake`` gave other clips.
        """
        again = self.remake(samples, strength, seed)
        if [one.id for one in again] != [one.id for one in samples]:
            raise DatasetError(f"{self.name}: the remade clips are not those that were given, in order")
        dims = {name: value.shape[2] for name, value in clean.values.items()}
        return collate(again, dims).to(clean.shares.device)


def noise(name: str, **options: Any) -> Condition:
    """A noise of `PERTURBATIONS` that works on batches, with its options but for the strength.

    Raises:
        ConfigError: an unknown name or option, or a noise that works on media.
    """

    def made(strength: float) -> Operation:
        return make(PERTURBATIONS, {"name": name, **options, "strength": strength})

    kind = getattr(made(0.0), "kind", "batch")
    if kind != "batch":
        raise ConfigError(
            f"noise {name!r} works on {kind}, before features are extracted: a MediaCondition"
        )
    one = options.get("modality")
    on = (one,) if one is not None else tuple(options.get("modalities") or ())
    return Condition(name, made, on)


def standard_conditions(modalities: Sequence[str]) -> tuple[Condition, ...]:
    """The noises of MultiBench's series and missing data, on each modality and, of several, on all of them.

    Name only modalities whose tracks are quantities: noise on token ids means nothing (`DropWords` does).
    """
    found = [
        noise(name, **options, modalities=on)
        for on in (*([one] for one in modalities), *([list(modalities)] if len(modalities) > 1 else []))
        for name, options in (
            ("white_noise", {}), ("random_drop", {}), ("structured_drop", {}), ("missing_frames", {"rate": 1.0}),
        )
    ]  # fmt: skip
    if len(modalities) > 1:
        found += [noise("missing_modality", modalities=[one]) for one in modalities]
        found += [noise("misalign", modality=one) for one in modalities]
    return (*found, noise("thesis_noise", modalities=list(modalities)))
