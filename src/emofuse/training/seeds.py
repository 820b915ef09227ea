"""The one place that touches the process-wide random state: dropout draws from it."""

import numpy as np
import torch


def seed_epoch(seed: int, epoch: int) -> np.random.Generator:
    """Seed torch for one epoch and return numpy's generator for it.

    Each epoch is seeded by itself, so that a run that resumes draws what an undisturbed one would have.
    """
    mixed = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    torch.manual_seed(mixed)
    return np.random.default_rng([seed, epoch])
