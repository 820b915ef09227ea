"""Series that hiss, drop out, run late or lack modalities; faults in tables: granularity, rates, padding."""

import pytest
import torch

from emofuse.perturbations.batch import DropFrames
from emofuse.perturbations.missing import MissingFrames, MissingModality
from emofuse.perturbations.sensors import (
    Misalign,
    RandomDrop,
    StructuredDrop,
    ThesisNoise,
    WhiteNoise,
)
from emofuse.perturbations.tabular import TabularDrop, TabularSwap
from emofuse.types import Batch


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(lengths: dict[str, list[int]], dim: int = 3) -> Batch:
    """Every valid frame holds 1 + its own number."""
    masks = {
        name: torch.arange(max(1, *counts))[None] < torch.tensor(counts)[:, None]
        for name, counts in lengths.items()
    }
    values = {
        name: ((torch.arange(mask.shape[1]) + 1.0)[None, :, None] * mask[:, :, None]).repeat(1, 1, dim)
        for name, mask in masks.items()
    }
    size = len(next(iter(lengths.values())))
    return Batch(
        tuple(map(str, range(size))), values, masks, {name: mask.any(dim=1) for name, mask in masks.items()},
        torch.ones(size, 1), torch.zeros(size, 0), torch.ones(size),
    )  # fmt: skip


def test_a_number_for_each_frame_on_all_of_its_features():
    given = batch({"a": [400, 100], "b": [2, 0]}, dim=4)
    noisy = WhiteNoise(strength=0.5, deviation=2.0)(given, seeded())
    added = noisy.values["a"] - given.values["a"]
    assert torch.allclose(added[:, :, :1].expand_as(added), added, atol=1e-4)
    assert len(added[0, :, 0].unique()) > 390
    assert added[0].std() == pytest.approx(1.0, abs=0.1)
    assert not added[1, 100:].any() and not noisy.values["b"][1].any()


def test_a_number_for_each_clip_in_the_thesis_way():
    given = batch({"a": [5] * 500}, dim=2)
    added = WhiteNoise(granularity="sample")(given, seeded()).values["a"] - given.values["a"]
    assert (added - added[:, :1, :1]).abs().max() < 1e-5
    assert added[:, 0, 0].std() == pytest.approx(1.0, abs=0.1) and len(added[:, 0, 0].unique()) > 400


def test_only_the_named_modalities_hiss():
    given = batch({"a": [5], "b": [5]})
    noisy = WhiteNoise(modalities=["b"])(given, seeded())
    assert torch.equal(noisy.values["a"], given.values["a"])
    assert not torch.equal(noisy.values["b"], given.values["b"])


@pytest.mark.parametrize(("strength", "rate"), [(1.0, 0.3), (0.5, 0.6), (0.9, 1.0)])
def test_single_entries_are_dropped_at_the_rate(strength, rate):
    given = batch({"a": [200, 200]}, dim=50)
    dropped = RandomDrop(strength=strength, rate=rate)(given, seeded())
    lost = dropped.values["a"] == 0
    assert lost.float().mean() == pytest.approx(strength * rate, abs=0.02)
    assert lost.any(dim=2).all() and torch.equal(dropped.masks["a"], given.masks["a"])


def test_whole_frames_or_whole_clips_are_dropped():
    given = batch({"a": [40] * 500})
    lost = StructuredDrop(strength=0.4)(given, seeded()).values["a"] == 0
    assert (lost.all(dim=2) == lost.any(dim=2)).all()
    assert lost.float().mean() == pytest.approx(0.4, abs=0.02)
    whole = StructuredDrop(strength=0.4, granularity="sample")(given, seeded()).values["a"] == 0
    assert (whole.flatten(1).all(dim=1) == whole.flatten(1).any(dim=1)).all()
    assert whole.float().mean() == pytest.approx(0.4, abs=0.06)


def test_modalities_are_dropped_apart_from_one_another():
    given = batch({"a": [3] * 400, "b": [3] * 400})
    made = StructuredDrop(strength=0.5, granularity="sample")(given, seeded())
    gone = [~made.values[name].flatten(1).any(dim=1) for name in "ab"]
    assert (gone[0] & gone[1]).float().mean() == pytest.approx(0.25, abs=0.06)


def test_the_noise_of_the_thesis_is_both_for_a_whole_clip():
    given = batch({"a": [6] * 600, "b": [1] * 600})
    made = ThesisNoise(strength=0.5)(given, seeded())
    gone = ~made.values["a"].flatten(1).any(dim=1)
    assert gone.float().mean() == pytest.approx(0.5, abs=0.06)
    added = (made.values["a"] - given.values["a"])[~gone]
    assert (added - added[:, :1, :1]).abs().max() < 1e-5 and added.std() == pytest.approx(0.5, abs=0.06)
    assert torch.equal(made.masks["a"], given.masks["a"])
    assert torch.equal(ThesisNoise(strength=1.0, level=0.0)(given, seeded()).values["a"], given.values["a"])


def test_a_modality_runs_early_or_late_and_its_ends_are_held():
    given = batch({"a": [6] * 60 + [1, 0, 3], "b": [6] * 63})
    made = Misalign("a", strength=0.5, frames=4)(given, seeded())
    late, early = [1, 1, 1, 2, 3, 4], [3, 4, 5, 6, 6, 6]
    rows = [row[:, 0].int().tolist() for row in made.values["a"]]
    assert {tuple(row) for row in rows[:60]} == {tuple(late), tuple(early)}
    assert rows[60] == [1, 0, 0, 0, 0, 0] and rows[61] == [0] * 6
    assert rows[62][3:] == [0, 0, 0] and rows[62][:3] in ([1, 1, 1], [3, 3, 3])
    assert torch.equal(made.values["b"], given.values["b"]) and torch.equal(
        made.masks["a"], given.masks["a"]
    )


def test_a_shift_in_seconds_needs_a_rate():
    assert Misalign("a", shift_s=0.5, rate=25.0).frames == 12
    for options in ({"shift_s": 0.5}, {"rate": 25.0}, {"frames": -1}, {"shift_s": -1.0, "rate": 10.0}):
        with pytest.raises(ValueError):
            Misalign("a", **options)
    given = batch({"a": [4]})
    assert Misalign("c")(given, seeded()) is given


def test_named_modalities_are_absent_together():
    given = batch({"a": [2] * 400, "b": [3] * 400, "c": [1] * 400})
    made = MissingModality(["a", "b"], strength=0.3)(given, seeded())
    assert torch.equal(made.presence["a"], made.presence["b"]) and made.presence["c"].all()
    gone = ~made.presence["a"]
    assert gone.float().mean() == pytest.approx(0.3, abs=0.07)
    assert not made.values["a"][gone].any() and not made.masks["b"][gone].any()
    everything = MissingModality(["a", "b"])(given, seeded())
    assert not everything.presence["a"].any() and torch.equal(everything.values["c"], given.values["c"])


@pytest.mark.parametrize("modalities", ["text", [], ()])
def test_what_goes_missing_is_named_in_a_list(modalities):
    with pytest.raises(ValueError):
        MissingModality(modalities)


def test_frames_go_missing_and_the_others_close_up():
    given = batch({"a": [400, 100, 1, 0], "b": [400, 2, 2, 2]})
    made = MissingFrames(strength=0.5, rate=0.9)(given, seeded())
    for name in "ab":
        counts = made.masks[name].sum(dim=1)
        assert ((counts > 0) == given.presence[name]).all()
        assert counts[0] == pytest.approx(400 * 0.55, abs=40)
        left = made.values[name][0, : counts[0], 0]
        assert (left.diff() > 0).all() and not made.values[name][0, counts[0] :].any()
    assert made.masks["a"][0].sum() != made.masks["b"][0].sum()
    last = MissingFrames(rate=1.0)(given, seeded())
    assert last.masks["a"].sum(dim=1).tolist() == [1, 1, 1, 0]


def test_one_modality_alone_is_drop_frames():
    given = batch({"a": [50, 20]})
    one = MissingFrames(rate=0.4, modalities=["a"])(given, seeded(3))
    two = DropFrames("a", rate=0.4)(given, seeded(3))
    assert torch.equal(one.values["a"], two.values["a"]) and torch.equal(one.masks["a"], two.masks["a"])


def test_an_entry_of_a_table_is_lost_in_all_frames():
    given = batch({"a": [7] * 100}, dim=40)
    lost = TabularDrop(strength=0.5, rate=0.4)(given, seeded()).values["a"] == 0
    assert (lost.all(dim=1) == lost.any(dim=1)).all()
    assert lost.float().mean() == pytest.approx(0.2, abs=0.03)


def swapped_by_hand(row: list[float], hits: list[bool]) -> list[float]:
    row = list(row)
    for place in range(1, len(row)):
        if hits[place]:
            row[place - 1], row[place] = row[place], row[place - 1]
    return row


@pytest.mark.parametrize("rate", [0.2, 0.5, 1.0])
def test_neighbours_change_places_one_after_the_other(rate):
    given = batch({"a": [2] * 50}, dim=9)
    values = torch.arange(9.0).expand(50, 2, 9).clone()
    given = Batch(
        given.ids, {"a": values}, given.masks, given.presence, given.shares, given.ratings, given.weights
    )
    made = TabularSwap(rate=rate)(given, seeded(1)).values["a"]
    hits = torch.rand((50, 9), generator=seeded(1)) < rate
    for row, hit in zip(made, hits.tolist(), strict=True):
        assert row[0].tolist() == row[1].tolist() == swapped_by_hand(list(range(9)), hit)


def test_options_that_cannot_be():
    for kind, options in (
        (WhiteNoise, {"deviation": -1}), (WhiteNoise, {"granularity": "frame"}), (RandomDrop, {"rate": 1.5}),
        (StructuredDrop, {"granularity": ""}), (ThesisNoise, {"level": 2}), (MissingFrames, {"rate": -0.1}),
        (TabularDrop, {"rate": 2}), (TabularSwap, {"rate": -1}),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            kind(**options)
