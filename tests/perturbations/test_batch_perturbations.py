import time
from dataclasses import replace
from math import pi

import pytest
import torch

from emofuse.errors import FeatureError
from emofuse.perturbations.batch import DropFrames, DropModality, DropWords, SwapPartners
from emofuse.perturbations.image import FaceWarp
from emofuse.perturbations.series import FeatureNoise
from emofuse.perturbations.spectrogram import SpecAugment
from emofuse.types import Batch

STILL = dict.fromkeys(
    ("flip", "rotate_deg", "shift", "zoom", "brightness", "contrast", "gamma", "erase"), 0
)


def batch_of(**values: torch.Tensor) -> Batch:
    """Every frame that is not all NaN is valid."""
    masks = {name: ~value.isnan().all(dim=2) for name, value in values.items()}
    size = len(next(iter(values.values())))
    return Batch(
        ids=tuple(str(number) for number in range(size)),
        values={name: value.nan_to_num(0.0) for name, value in values.items()},
        masks=masks,
        presence={name: mask.any(dim=1) for name, mask in masks.items()},
        shares=torch.ones(size, 1),
        ratings=torch.zeros(size, 0),
        weights=torch.ones(size),
    )


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_one_modality_always_stays():
    values = torch.ones(300, 2, 1)
    third = values.clone()
    third[100:] = float("nan")
    given = batch_of(a=values, b=values, c=third)
    dropped = DropModality(rate=1.0)(given, seeded(0))
    present = torch.stack([dropped.presence[name] for name in "abc"], dim=1)
    assert (present.sum(dim=1) == 1).all()
    assert not present[100:, 2].any()
    assert 20 < present[:100, 2].sum() < 50


def test_modalities_go_at_the_stated_rate():
    given = batch_of(**{name: torch.ones(4000, 1, 1) for name in "abcd"})
    for strength in (1.0, 0.5):
        dropped = DropModality(rate=0.4, strength=strength)(given, seeded(1))
        gone = 1 - torch.stack(list(dropped.presence.values())).float().mean()
        # Four lost of four, one in forty, brings one back.
        assert gone == pytest.approx(0.4 * strength, abs=0.02)


def test_a_sample_without_anything_stays_so():
    given = batch_of(a=torch.full((2, 1, 1), float("nan")))
    assert not DropModality(rate=0.5)(given, seeded(0)).presence["a"].any()


def test_lost_frames_leave_no_holes():
    values = torch.arange(1.0, 41)[None, :, None].repeat(50, 1, 1)
    values[0, 1:] = float("nan")
    given = batch_of(voice=values, other=values)
    dropped = DropFrames("voice", rate=0.5)(given, seeded(0))
    lengths = dropped.masks["voice"].sum(dim=1)
    assert lengths[0] == 1 and lengths[1:].min() > 10 and lengths.max() < 32
    for row, length in zip(dropped.values["voice"][:, :, 0], lengths, strict=True):
        assert (row[:length].diff() > 0).all() and not row[length:].any()
    assert dropped.values["other"] is given.values["other"]
    assert (DropFrames("voice", rate=1.0)(given, seeded(0)).masks["voice"].sum(dim=1) == 1).all()


def test_words_are_masked_but_not_their_markers():
    ids = torch.full((200, 12, 1), 50.0)
    ids[:, 0], ids[:, 9] = 2, 3
    ids[:, 10:] = float("nan")
    given = batch_of(words=ids)
    dropped = DropWords("words", mask_id=4, rate=0.25)(given, seeded(0)).values["words"][:, :, 0]
    assert (dropped[:, 0] == 2).all() and (dropped[:, 9] == 3).all() and not dropped[:, 10:].any()
    assert set(dropped[:, 1:9].unique().tolist()) == {4.0, 50.0}
    assert (dropped[:, 1:9] == 4).float().mean() == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize(
    "perturb", [DropFrames("x"), DropWords("x", mask_id=1), SpecAugment("x"), FaceWarp("x")]
)
def test_a_modality_that_is_not_there_is_passed_by(perturb):
    given = batch_of(a=torch.ones(1, 1, 4))
    assert perturb(given, seeded(0)) is given


def test_blanks_are_the_mean_and_no_larger_than_stated():
    values = torch.rand(64, 100, 40, generator=seeded(9)) + 5
    values[:, 60:] = float("nan")
    given = batch_of(voice=values)
    augment = SpecAugment("voice", time_masks=1, frames=10, band_masks=1, bands=6)
    blanked = augment(given, seeded(0)).values["voice"]
    assert not blanked[:, 60:].any()
    changed = blanked[:, :60] != values[:, :60]
    whole_times, whole_bands = changed.all(dim=2).sum(dim=1), changed.all(dim=1).sum(dim=1)
    assert whole_times.min() == 0 and whole_times.max() == 10
    assert whole_bands.min() == 0 and whole_bands.max() == 6
    mean = values[:, :60].mean(dim=1, keepdim=True).expand(-1, 60, -1)
    torch.testing.assert_close(blanked[:, :60][changed], mean[changed])


def test_short_clips_keep_most_of_their_frames():
    values = torch.rand(64, 10, 8)
    augment = SpecAugment("voice", time_masks=1, frames=50, band_masks=0, max_share=0.3)
    changed = (augment(batch_of(voice=values), seeded(0)).values["voice"] != values).all(dim=2)
    assert changed.sum(dim=1).max() == 3


def picture_batch(picture: torch.Tensor, clips: int = 1, frames: int = 1) -> Batch:
    return batch_of(face=picture.reshape(1, 1, -1).repeat(clips, frames, 1))


def shown(result: Batch) -> torch.Tensor:
    value = result.values["face"]
    side = round(value.shape[2] ** 0.5)
    return value.reshape(*value.shape[:2], side, side)


def test_mirrored():
    picture = torch.arange(16.0).reshape(4, 4) * 10
    result = shown(FaceWarp("face", **{**STILL, "flip": 1.0})(picture_batch(picture), seeded(0)))
    torch.testing.assert_close(result[0, 0], picture.flip(1), atol=1e-3, rtol=0)


def test_nothing_asked_for_nothing_changed():
    picture = torch.rand(12, 12) * 255
    result = shown(FaceWarp("face", **STILL)(picture_batch(picture), seeded(0)))
    torch.testing.assert_close(result[0, 0], picture, atol=1e-2, rtol=0)


def blob(side: int = 48, x: float = 0.5, y: float = 0.5) -> torch.Tensor:
    place = (torch.arange(side) + 0.5) / side
    return 255 * torch.exp(-((place[None, :] - x) ** 2 + (place[:, None] - y) ** 2) / (2 * 0.05**2))


def centres(pictures: torch.Tensor) -> torch.Tensor:
    """``(pictures, 2)``: the x and y of the weight of a picture, 0 to 1."""
    flat = pictures.reshape(-1, *pictures.shape[-2:])
    place = (torch.arange(flat.shape[-1]) + 0.5) / flat.shape[-1]
    total = flat.sum(dim=(1, 2))
    return torch.stack(
        [(flat.sum(dim=1) * place).sum(1) / total, (flat.sum(dim=2) * place).sum(1) / total], 1
    )


def test_shift_and_turn_by_hand():
    moved = FaceWarp("face", **{**STILL, "shift": 0.1})(picture_batch(blob(), clips=200), seeded(0))
    offset = (centres(shown(moved)) - 0.5).abs()
    assert offset.max() <= 0.101 and offset.max() > 0.09
    turned = FaceWarp("face", **{**STILL, "rotate_deg": 20})(
        picture_batch(blob(x=0.8), clips=200), seeded(0)
    )
    found = centres(shown(turned)) - 0.5
    angle = torch.atan2(found[:, 1], found[:, 0]) * 180 / pi
    assert angle.abs().max() <= 20.2 and angle.min() < -17 and angle.max() > 17
    torch.testing.assert_close(found.norm(dim=1), torch.full((200,), 0.3), atol=0.01, rtol=0)
    scaled = FaceWarp("face", **{**STILL, "zoom": 0.2})(picture_batch(blob(x=0.7), clips=200), seeded(0))
    reach = centres(shown(scaled))[:, 0] - 0.5
    assert 0.2 / 1.22 < reach.min() < 0.18 and 0.225 < reach.max() < 0.2 * 1.22


def test_frames_of_a_clip_are_treated_alike_and_clips_are_not():
    result = shown(FaceWarp("face")(picture_batch(blob(), clips=3, frames=4), seeded(0)))
    for clip in result:
        torch.testing.assert_close(clip, clip[:1].expand_as(clip))
    assert not torch.allclose(result[0, 0], result[1, 0])


def test_light_stays_in_range_and_keeps_the_order_of_greys():
    ramp = torch.linspace(0, 255, 144)
    result = FaceWarp("face", **{**STILL, "brightness": 0.3, "contrast": 0.5, "gamma": 0.5})(
        picture_batch(ramp, clips=100), seeded(0)
    ).values["face"][:, 0]
    assert result.min() >= 0 and result.max() <= 255
    assert (result.diff(dim=1) > -1e-3).all()
    assert result.mean(dim=1).std() > 20


def test_a_square_is_hidden():
    picture = torch.rand(48, 48, generator=seeded(9)) * 200 + 20
    result = shown(FaceWarp("face", **{**STILL, "erase": 1.0})(picture_batch(picture, clips=50), seeded(0)))
    sides = ((result[:, 0] - picture).abs() > 1e-2).sum(dim=(1, 2)).sqrt() / 48
    assert sides.min() > 0.1 and sides.max() < 0.45 and sides.std() > 0.03


def test_another_white_and_what_cannot_be():
    given = batch_of(face=torch.rand(4, 2, 16))
    assert FaceWarp("face", white=1.0)(given, seeded(0)).values["face"].max() <= 1.0
    with pytest.raises(FeatureError, match="square"):
        FaceWarp("face")(batch_of(face=torch.ones(1, 1, 15)), seeded(0))
    for wrong in ({"flip": 2}, {"shift": -1}, {"white": 0}):
        with pytest.raises(ValueError):
            FaceWarp("face", **wrong)


def test_two_thousand_pictures_a_second():
    given = batch_of(face=torch.rand(256, 4, 48 * 48) * 255)
    warp = FaceWarp("face")
    took = []
    for seed in range(3):
        start = time.process_time()
        warp(given, seeded(seed))
        took.append(time.process_time() - start)
    assert 1024 / min(took) > 2000


def labelled(clips: int) -> Batch:
    """Clip n says n in both modalities; labels are n % 3, and every tenth clip has none."""
    number = torch.arange(clips, dtype=torch.float32)
    shares = torch.eye(3)[torch.arange(clips) % 3]
    shares[::10] = float("nan")
    given = batch_of(voice=number[:, None, None].clone(), face=number[:, None, None].clone())
    return replace(given, shares=shares)


def test_partners_are_of_one_label_and_each_modality_is_paired_by_itself():
    given = labelled(400)
    result = SwapPartners(rate=1.0)(given, seeded(0))
    clips = torch.arange(400)
    unlabelled = clips % 10 == 0
    for name in ("voice", "face"):
        partner = result.values[name][:, 0, 0].long()
        assert torch.equal(partner % 3, clips % 3) or (partner % 3 == clips % 3)[~unlabelled].all()
        assert torch.equal(partner[unlabelled], clips[unlabelled])
        assert not (partner[~unlabelled] % 10 == 0).any()
        assert (partner != clips)[~unlabelled].float().mean() > 0.95
    assert not torch.equal(result.values["voice"], result.values["face"])
    assert torch.equal(result.shares.nan_to_num(-1), given.shares.nan_to_num(-1))


def test_the_rate_says_how_many_are_swapped():
    given = labelled(3000)
    moved = SwapPartners(rate=0.3)(given, seeded(1)).values["face"] != given.values["face"]
    assert 0.22 < moved.float().mean() < 0.32


def test_a_swap_takes_absence_along():
    face = torch.ones(40, 2, 1)
    face[::2] = float("nan")
    given = batch_of(voice=torch.ones(40, 1, 1), face=face)
    result = SwapPartners(rate=1.0)(given, seeded(2))
    assert result.presence["face"].sum() == 20
    assert not torch.equal(result.presence["face"], given.presence["face"])
    assert torch.equal(result.presence["face"], result.masks["face"].any(dim=1))


def test_feature_noise_has_its_deviation_and_leaves_padding_alone():
    voice = torch.zeros(200, 30, 8)
    voice[:, 20:] = float("nan")
    result = FeatureNoise(deviation=0.4, strength=0.5)(batch_of(voice=voice), seeded(0)).values["voice"]
    assert result[:, :20].std().item() == pytest.approx(0.2, rel=0.02)
    assert not result[:, 20:].any()


def test_constant_noise_is_one_number_a_clip_and_modality():
    given = batch_of(voice=torch.zeros(300, 4, 3), face=torch.zeros(300, 1, 5))
    result = FeatureNoise(deviation=1.0, constant=True, modalities=["voice"])(given, seeded(0))
    voice = result.values["voice"].reshape(300, -1)
    assert torch.equal(voice, voice[:, :1].expand_as(voice))
    assert voice[:, 0].std().item() == pytest.approx(1.0, rel=0.15)
    assert not result.values["face"].any()


@pytest.mark.parametrize(
    "make",
    [
        lambda: SwapPartners(rate=2),
        lambda: FeatureNoise(deviation=-1),
        lambda: FeatureNoise(strength=2),
        lambda: DropModality(rate=1.5),
        lambda: DropFrames("a", rate=-0.1),
        lambda: SpecAugment("a", frames=-1),
        lambda: SpecAugment("a", max_share=2),
    ],
)
def test_ranges_that_cannot_be_are_refused(make):
    with pytest.raises(ValueError):
        make()
