"""What every perturbation keeps: strength 0 is identity, one seed gives one result, shapes and ranges."""

import numpy as np
import pytest
import torch

from emofuse.perturbations import PERTURBATIONS
from emofuse.types import Batch, Signal

TEXT = "Nothing could have prepared anybody for this wonderful, surprising afternoon!"
CASES = {
    "noise": {},
    "gain": {},
    "clip": {},
    "reverb": {},
    "bandpass": {},
    "equaliser": {},
    "speed": {},
    "stretch": {},
    "pitch": {},
    "recording": {"chance": 1.0},
    "codec": {},
    "packet_loss": {},
    "sample_drop": {},
    "spec_augment": {"modality": "voice"},
    "face_warp": {"modality": "face"},
    "drop_modality": {"rate": 0.5},
    "swap_partners": {},
    "feature_noise": {},
    "drop_frames": {"modality": "voice"},
    "drop_words": {"modality": "words", "mask_id": 4, "rate": 0.5},
    "white_noise": {},
    "random_drop": {"rate": 0.5},
    "structured_drop": {"rate": 0.5},
    "thesis_noise": {"level": 0.6},
    "misalign": {"modality": "voice", "frames": 4},
    "missing_modality": {"modalities": ["voice", "face"]},
    "missing_frames": {},
    "tabular_drop": {"rate": 0.5},
    "tabular_swap": {},
    "text_noise": {"level": 0.8},
    "swap_letter": {},
    "random_mid": {},
    "qwerty_typo": {},
    "sticky_keys": {},
    "omission": {},
    "blur": {},
    "jpeg": {},
    "occlusion": {},
    "dark": {},
    "grayscale": {},
    "low_contrast": {},
    "inversion": {},
    "white_balance": {},
    "colorize": {},
    "salt_and_pepper": {},
    "pixel_noise": {},
    "rotation": {},
    "horizontal_flip": {},
    "vertical_flip": {},
    "random_crop": {},
}
# Longer or shorter is the point of these.
CHANGE_LENGTH = {"speed", "stretch", "recording"}
# Nothing is drawn at strength 1, or nothing at all.
DETERMINISTIC = {
    "bandpass", "codec", "missing_modality", "blur", "jpeg", "dark", "grayscale", "low_contrast", "inversion",
    "horizontal_flip", "vertical_flip",
}  # fmt: skip
# What another clip has becomes valid here.
CHANGE_MASKS = {"swap_partners"}


def signal() -> Signal:
    times = np.arange(16000) / 16000
    noise = np.random.default_rng(0).standard_normal(16000)
    return Signal((0.4 * np.sin(2 * np.pi * 180 * times) + 0.02 * noise).astype(np.float32), 16000)


def batch() -> Batch:
    rng = np.random.default_rng(0)
    lengths = {"voice": [30, 12, 0, 1], "face": [3, 0, 2, 1], "words": [6, 9, 3, 0]}
    widths = {"voice": 10, "face": 144, "words": 1}
    values, masks = {}, {}
    for name, counts in lengths.items():
        mask = torch.arange(max(counts))[None] < torch.tensor(counts)[:, None]
        drawn = torch.from_numpy(rng.uniform(5, 250, (4, max(counts), widths[name])).astype(np.float32))
        masks[name], values[name] = mask, drawn.round() * mask[:, :, None]
    return Batch(
        ids=("a", "b", "c", "d"),
        values=values,
        masks=masks,
        presence={name: mask.any(dim=1) for name, mask in masks.items()},
        shares=torch.eye(2).repeat(2, 1),
        ratings=torch.full((4, 2), float("nan")),
        weights=torch.ones(4),
    )


def picture() -> np.ndarray:
    rows, columns = np.mgrid[:40, :56] / 40
    colours = np.stack([rows, columns / 1.4, 1 - rows * columns / 1.4], axis=2)
    noise = np.random.default_rng(0).uniform(0, 0.2, (40, 56, 3))
    return (255 * (0.8 * colours + noise)).clip(0, 255).astype(np.uint8)


GIVEN = {"signal": signal, "words": lambda: TEXT, "batch": batch, "picture": picture}


def run(perturb, seed: int):
    if perturb.kind == "picture":
        return perturb(picture(), np.random.default_rng(seed))
    if perturb.kind == "signal":
        return perturb(signal(), np.random.default_rng(seed))
    if perturb.kind == "words":
        return perturb(TEXT, np.random.default_rng(seed))
    assert perturb.kind == "batch"
    return perturb(batch(), torch.Generator().manual_seed(seed))


def arrays(result) -> list[np.ndarray]:
    """Everything in a result as arrays."""
    if isinstance(result, str):
        return [np.array(list(result))]
    if isinstance(result, np.ndarray):
        return [result]
    if isinstance(result, Signal):
        return [np.array(result.rate), result.samples]
    parts = (result.values, result.masks, result.presence)
    tensors = [tensor for part in parts for _, tensor in sorted(part.items())]
    return [tensor.numpy() for tensor in (*tensors, result.shares, result.ratings, result.weights)]


def same(first, second) -> bool:
    pairs = list(zip(arrays(first), arrays(second), strict=True))
    return all(
        a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for a, b in pairs
    )


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_every_name_has_a_case_and_a_line(name):
    assert name in CASES
    assert PERTURBATIONS[name].about


def test_no_case_is_left_over():
    assert set(CASES) <= set(PERTURBATIONS)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_strength_zero_changes_nothing(name):
    perturb = PERTURBATIONS.load(name)(**CASES[name], strength=0.0)
    given = GIVEN[perturb.kind]()
    for seed in range(5):
        assert same(run(perturb, seed), given)


@pytest.mark.parametrize("name", PERTURBATIONS)
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_same_seed_gives_the_same_and_something_changes(name, strength):
    perturb = PERTURBATIONS.load(name)(**CASES[name], strength=strength)
    assert perturb.strength == strength
    given = GIVEN[perturb.kind]()
    results = [run(perturb, seed) for seed in range(5)]
    assert all(same(result, run(perturb, seed)) for seed, result in enumerate(results))
    assert not all(same(result, given) for result in results)
    if name not in DETERMINISTIC:
        assert not all(same(result, results[0]) for result in results)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_what_comes_out_is_what_went_in(name):
    perturb = PERTURBATIONS.load(name)(**CASES[name])
    for seed in range(8):
        result = run(perturb, seed)
        if perturb.kind == "words":
            assert isinstance(result, str) and len(result.split()) == len(TEXT.split())
        elif perturb.kind == "picture":
            assert result.dtype == np.uint8 and result.shape == (40, 56, 3)
        elif perturb.kind == "signal":
            assert result.rate == 16000 and result.samples.dtype == np.float32
            assert np.isfinite(result.samples).all() and np.abs(result.samples).max() <= 1.0
            assert len(result.samples) == 16000 or name in CHANGE_LENGTH
        else:
            check_batch(result, batch(), masks_stay_within=name not in CHANGE_MASKS)


def check_batch(result: Batch, given: Batch, *, masks_stay_within: bool) -> None:
    """Shapes stay, nothing new is valid, padding stays zero, presence agrees with the masks."""
    assert result.ids == given.ids
    for name, values in result.values.items():
        mask = result.masks[name]
        assert values.shape == given.values[name].shape and values.dtype == given.values[name].dtype
        assert mask.dtype == torch.bool
        assert not masks_stay_within or not (mask & ~given.masks[name]).any()
        assert torch.equal(result.presence[name], mask.any(dim=1))
        assert torch.isfinite(values).all() and not values[~mask].any()
        # No holes: the valid frames stand at the front.
        assert torch.equal(mask.long().cummin(dim=1).values.bool(), mask)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_the_input_itself_is_left_alone(name):
    perturb = PERTURBATIONS.load(name)(**CASES[name])
    given = GIVEN[perturb.kind]()
    generator = torch.Generator().manual_seed(1) if perturb.kind == "batch" else np.random.default_rng(1)
    perturb(given, generator)
    assert same(given, GIVEN[perturb.kind]())


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_edges_are_survived(name):
    perturb = PERTURBATIONS.load(name)(**CASES[name])
    if perturb.kind == "words":
        assert perturb("", np.random.default_rng(0)) == ""
    elif perturb.kind == "picture":
        for shape in ((1, 1), (1, 1, 3), (0, 0, 3), (2, 7), (30, 20)):
            result = perturb(np.full(shape, 90, np.uint8), np.random.default_rng(0))
            assert result.shape == shape and result.dtype == np.uint8
    elif perturb.kind == "signal":
        for samples in (np.zeros(0), np.zeros(1), np.zeros(3), np.zeros(8000), np.ones(50), -np.ones(8000)):
            result = perturb(Signal(samples.astype(np.float32), 16000), np.random.default_rng(0))
            assert np.isfinite(result.samples).all() and np.abs(result.samples).max(initial=0) <= 1


@pytest.mark.parametrize("name", PERTURBATIONS)
@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_of_its_range_is_refused(name, strength):
    with pytest.raises(ValueError, match="strength"):
        PERTURBATIONS.load(name)(**CASES[name], strength=strength)
