import numpy as np
import pytest

from emofuse.alignment.normalise import Standardiser, apply, fit_on, per_group
from emofuse.errors import FeatureError
from emofuse.types import Sample, Track


def track(*values):
    return Track(np.array(values, np.float32).reshape(len(values), -1), np.arange(len(values), dtype=float))


def sample(name, group="", **tracks):
    return Sample(name, tracks, np.array([1.0], np.float32), np.zeros(0, np.float32), group=group)


def test_mean_and_population_deviation_by_hand():
    fitted = Standardiser.fit([track(1, 2), track(6), Track(np.zeros((0, 1), np.float32), np.zeros(0))])
    assert fitted.mean.tolist() == [3.0]
    assert fitted.deviation == pytest.approx([np.sqrt(14 / 3)])


def test_merging_clips_equals_all_frames_at_once():
    parts = [np.random.default_rng(n).normal(5, 3, size=(n, 4)).astype(np.float32) for n in (1, 7, 30)]
    fitted = Standardiser.fit(Track(part, np.arange(len(part))) for part in parts)
    together = np.concatenate(parts).astype(np.float64)
    assert fitted.mean == pytest.approx(together.mean(axis=0), rel=1e-6)
    assert fitted.deviation == pytest.approx(together.std(axis=0), rel=1e-6)


@pytest.mark.parametrize("value", [0.1, 12345.678, -3e7])
def test_a_constant_feature_is_only_centred(value):
    constant = Track(np.full((1000, 1), value, np.float32), np.arange(1000))
    fitted = Standardiser.fit([constant, constant])
    assert fitted.deviation.tolist() == [1.0]
    assert not fitted(constant).values.any()


def test_a_small_spread_on_a_large_value_is_kept():
    values = (1e5 + np.tile([-1.0, 1.0], 500)).astype(np.float32)[:, None]
    fitted = Standardiser.fit([Track(values, np.arange(1000))])
    assert fitted.deviation == pytest.approx([1.0], rel=1e-6)


def test_scores_are_float32_and_times_stay():
    fitted = Standardiser(np.array([1.0], np.float32), np.array([2.0], np.float32))
    moved = fitted(Track(np.array([[5], [255]], np.uint8), np.array([0.5, 1.5])))
    assert moved.values[:, 0].tolist() == [2.0, 127.0] and moved.values.dtype == np.float32
    assert moved.times.tolist() == [0.5, 1.5]


def test_only_the_samples_handed_in_are_fitted_on():
    train, test = [sample("a", audio=track(0, 2))], [sample("b", audio=track(100, 200))]
    fitted = fit_on(train, ["audio"])
    assert apply(test, fitted)[0].tracks["audio"].values[:, 0].tolist() == [99, 199]


def test_other_modalities_and_absent_ones_are_left_alone():
    samples = [sample("a", audio=track(0, 2), text=track(7)), sample("b", text=track(9))]
    moved = apply(samples, fit_on(samples, ["audio"]))
    assert moved[0].tracks["audio"].values[:, 0].tolist() == [-1, 1]
    assert moved[0].tracks["text"] is samples[0].tracks["text"]
    assert set(moved[1].tracks) == {"text"}


def test_a_modality_that_no_training_clip_has_is_an_error():
    with pytest.raises(FeatureError):
        fit_on([sample("a", audio=track(1))], ["video"])


def test_each_speaker_by_the_own_clips():
    samples = [
        sample("a1", "ann", audio=track(0, 2)),
        sample("b1", "ben", audio=track(10, 30)),
        sample("a2", "ann", audio=track(4, 6)),
    ]
    moved = per_group(samples, ["audio"])
    assert [one.id for one in moved] == ["a1", "b1", "a2"]
    assert moved[1].tracks["audio"].values[:, 0].tolist() == [-1, 1]
    ann = np.concatenate([moved[0].tracks["audio"].values, moved[2].tracks["audio"].values])
    assert ann.mean() == pytest.approx(0, abs=1e-6) and ann.std() == pytest.approx(1, rel=1e-6)


def test_a_speaker_without_the_modality_passes():
    samples = [sample("a", "ann", text=track(1)), sample("b", "ben", audio=track(1, 3))]
    moved = per_group(samples, ["audio"])
    assert set(moved[0].tracks) == {"text"}
    assert moved[1].tracks["audio"].values[:, 0].tolist() == [-1, 1]
