"""What each noise on pictures does to pixels, in numbers; a video is treated alike from frame to frame."""

import numpy as np
import pytest

from emofuse.errors import FeatureError
from emofuse.perturbations.light import (
    KELVIN,
    Blur,
    Colorize,
    Dark,
    Grayscale,
    Inversion,
    Jpeg,
    LowContrast,
    PixelNoise,
    SaltAndPepper,
    WhiteBalance,
)
from emofuse.perturbations.views import (
    HorizontalFlip,
    Occlusion,
    PerturbedFrames,
    RandomCrop,
    Rotation,
    VerticalFlip,
)
from emofuse.types import Frame


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def flat(*colour: int, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    return np.full((*shape, len(colour)), colour, np.uint8)


def textured() -> np.ndarray:
    return rng(5).integers(0, 256, (60, 80, 3), dtype=np.uint8)


def test_blur_evens_out_and_keeps_what_is_even():
    even = flat(10, 20, 30)
    assert np.array_equal(Blur()(even, rng()), even)
    spreads = [Blur(strength=one)(textured(), rng()).std() for one in (0.2, 0.5, 1.0)]
    assert textured().std() > spreads[0] > spreads[1] > spreads[2]


def test_jpeg_loses_more_the_stronger_it_is():
    given = textured()
    lost = [np.abs(Jpeg(strength=one)(given, rng()).astype(int) - given).mean() for one in (0.1, 0.6, 1.0)]
    assert 0 < lost[0] < lost[1] < lost[2]
    grey = given[:, :, 0]
    assert Jpeg()(grey, rng()).shape == grey.shape


def test_dark_and_low_contrast_by_hand():
    assert (Dark(strength=0.5, depth=0.8)(flat(200, 100, 50), rng())[0, 0] == [120, 60, 30]).all()
    halves = np.concatenate([np.full((4, 8), 40, np.uint8), np.full((4, 8), 160, np.uint8)])
    # The mean is 100; at half strength 0.55 of the distance to it is left.
    found = LowContrast(strength=0.5, left=0.1)(halves, rng())
    assert np.unique(found).tolist() == [67, 133]


def test_colour_fades_by_luma():
    grey = Grayscale()(flat(200, 100, 50), rng())
    luma = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert (grey[0, 0] == luma).all()
    half = Grayscale(strength=0.5)(flat(200, 100, 50), rng())[0, 0]
    assert np.abs(half.astype(float) - (np.array([200, 100, 50]) + luma) / 2).max() <= 1


def test_a_negative_of_a_negative_is_the_picture():
    given = textured()
    assert np.array_equal(Inversion()(Inversion()(given, rng()), rng()), given)
    turned = [Inversion(strength=0.3)(given, rng(seed))[0, 0, 0] != given[0, 0, 0] for seed in range(300)]
    assert np.mean(turned) == pytest.approx(0.3, abs=0.08)


def test_white_balance_takes_a_row_of_the_table():
    white = flat(255, 255, 255)
    seen = {tuple(WhiteBalance()(white, rng(seed))[0, 0].tolist()) for seed in range(200)}
    assert seen == set(KELVIN.values())


def test_a_tint_is_red_green_or_blue():
    seen = {tuple(Colorize(share=0.5)(flat(100, 100, 100), rng(seed))[0, 0].tolist()) for seed in range(60)}
    assert seen == {(178, 50, 50), (50, 178, 50), (50, 50, 178)}


@pytest.mark.parametrize("kind", [Grayscale, WhiteBalance, Colorize])
def test_a_grey_picture_has_no_colour_to_change(kind):
    grey = textured()[:, :, 0]
    assert np.array_equal(kind()(grey, rng()), grey)


def test_salt_and_pepper_are_as_many():
    found = SaltAndPepper(strength=0.5, rate=0.4)(flat(90, 90, 90, shape=(200, 200)), rng())[:, :, 0]
    assert (found == 255).mean() == pytest.approx(0.1, abs=0.01)
    assert (found == 0).mean() == pytest.approx(0.1, abs=0.01)


def test_noise_of_the_stated_deviation():
    noisy = PixelNoise(strength=0.5, deviation=20.0)(flat(128, 128, 128, shape=(200, 200)), rng())
    assert noisy.astype(float).std() == pytest.approx(10.0, abs=0.3)
    assert noisy.mean() == pytest.approx(128, abs=0.3)


def test_the_hidden_part_is_as_large_as_stated():
    for strength in (0.2, 0.5, 1.0):
        hidden = Occlusion(strength=strength, area=0.5)(flat(9, 9, 9, shape=(200, 300)), rng()) == 0
        assert hidden.mean() == pytest.approx(0.5 * strength, abs=0.01)
    assert not Occlusion(area=1.0)(flat(9, 9, 9), rng()).any()


def test_turned_about_the_middle():
    given = np.zeros((41, 41), np.uint8)
    given[20, 20:] = 255
    angles = []
    for seed in range(40):
        lit = np.argwhere(Rotation(angle_deg=30.0)(given, rng(seed)) > 128)
        far = lit[np.argmax(((lit - 20) ** 2).sum(axis=1))] - 20
        angles.append(np.degrees(np.arctan2(far[0], far[1])))
    assert max(map(abs, angles)) < 33 and min(angles) < -15 and max(angles) > 15
    assert Rotation(strength=0.01)(given, rng())[20, 21] > 128


def test_mirrors():
    given = textured()
    assert np.array_equal(HorizontalFlip()(given, rng()), given[:, ::-1])
    assert np.array_equal(VerticalFlip()(given, rng()), given[::-1])


def test_a_crop_is_a_part_enlarged():
    ramp = np.tile(np.arange(100, dtype=np.uint8) * 2, (50, 1))
    seen = [RandomCrop(cut=0.5)(ramp, rng(seed)) for seed in range(30)]
    assert all(one.shape == (50, 100) for one in seen)
    assert all(int(one[0, -1]) - int(one[0, 0]) == 98 for one in seen)
    assert len({int(one[0, 0]) for one in seen}) > 10


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 1), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(given):
    with pytest.raises(FeatureError):
        Dark()(given, rng())


class Video:
    """Three frames alike."""

    def __iter__(self):
        return iter([Frame(number / 25, textured()) for number in range(3)])


def test_a_video_is_treated_alike_and_noise_is_not():
    turned = list(PerturbedFrames(Video(), Rotation(), seed=3))
    assert [frame.time_s for frame in turned] == [0.0, 0.04, 0.08]
    assert np.array_equal(turned[0].pixels, turned[2].pixels)
    assert not np.array_equal(turned[0].pixels, textured())
    noisy = PerturbedFrames(Video(), PixelNoise(), seed=3)
    first, second = list(noisy), list(noisy)
    assert not np.array_equal(first[0].pixels, first[1].pixels)
    assert all(np.array_equal(one.pixels, two.pixels) for one, two in zip(first, second, strict=True))


def test_options_that_cannot_be():
    for kind, options in (
        (Blur, {"share": 0}), (Jpeg, {"quality": 0}), (Dark, {"depth": 2}), (Rotation, {"angle_deg": 200}),
        (RandomCrop, {"cut": 1.0}), (PixelNoise, {"deviation": -1}), (Occlusion, {"area": 1.5}),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            kind(**options)
