"""Codecs keep time and lose detail; packets are lost in bursts, at the rate that is asked for."""

import numpy as np
import pytest

from emofuse.errors import EmofuseError
from emofuse.perturbations import transmission
from emofuse.perturbations.transmission import CODERS, Codec, PacketLoss, SampleDrop, burst_losses
from emofuse.types import Signal


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def chirp(rate: int = 16000) -> Signal:
    times = np.arange(2 * rate) / rate
    loud = np.exp(-(((times - 1) / 0.4) ** 2))
    noise = 0.01 * rng().standard_normal(len(times))
    return Signal(
        (0.5 * loud * np.sin(2 * np.pi * (150 + 250 * times) * times) + noise).astype(np.float32), rate
    )


def distance_db(one: Signal, other: Signal) -> float:
    power = np.mean(one.samples.astype(float) ** 2)
    return 10 * np.log10(power / np.mean((one.samples - other.samples).astype(float) ** 2))


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_coder_keeps_length_and_time(coder, rate):
    given = chirp(rate)
    heard = Codec(coder=coder, strength=0.5)(given, rng())
    assert heard.rate == rate and len(heard.samples) == len(given.samples)
    middle = slice(rate // 2, rate * 3 // 2)
    lags = range(-rate // 100, rate // 100 + 1)
    found = max(lags, key=lambda lag: np.dot(heard.samples[middle], np.roll(given.samples, lag)[middle]))
    assert abs(found) <= rate // 4000


@pytest.mark.parametrize("coder", CODERS)
def test_more_strength_leaves_less(coder):
    given = chirp()
    left = [distance_db(given, Codec(coder=coder, strength=one)(given, rng())) for one in (0.1, 0.6, 1.0)]
    assert left[0] > left[1] > left[2]


def test_a_telephone_line_has_half_the_band():
    tone = Signal((0.5 * np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)).astype(np.float32), 16000)
    heard = Codec(coder="mu_law")(tone, rng())
    assert np.abs(heard.samples[1000:-1000]).max() < 0.02


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("size", [1, 7, 100, 4000])
def test_short_sounds_are_coded_too(coder, size):
    given = Signal(np.full(size, 0.5, np.float32), 16000)
    heard = Codec(coder=coder)(given, rng())
    assert len(heard.samples) == size and np.isfinite(heard.samples).all()


def test_a_coder_that_is_not_there_is_a_typed_error(monkeypatch):
    with pytest.raises(ValueError, match="opus"):
        Codec(coder="flac")
    monkeypatch.setitem(transmission.CODERS, "opus", CODERS["opus"]._replace(encoder="no_such_encoder"))
    with pytest.raises(EmofuseError, match="no_such_encoder"):
        Codec()(chirp(), rng())


@pytest.mark.parametrize(("strength", "rate"), [(1.0, 0.1), (0.5, 0.6), (1.0, 0.9)])
def test_packets_are_lost_at_the_rate(strength, rate):
    given = Signal(np.ones(16000 * 120, np.float32), 16000)
    heard = PacketLoss(strength=strength, rate=rate)(given, rng())
    packets = heard.samples.reshape(-1, 320)
    assert ((packets == 0).all(axis=1) | (packets == 1).all(axis=1)).all()
    assert (packets[:, 0] == 0).mean() == pytest.approx(strength * rate, abs=0.03)


def runs(lost: np.ndarray) -> float:
    """The mean length of unbroken losses."""
    starts = lost & ~np.concatenate([[False], lost[:-1]])
    return lost.sum() / starts.sum()


def test_losses_come_in_bursts_of_the_stated_length():
    assert runs(burst_losses(20000, 0.2, rng(), burst=4.0)) == pytest.approx(4.0, abs=0.4)
    assert runs(burst_losses(20000, 0.2, rng(), burst=1.0)) == pytest.approx(1.0)
    # Nine of ten packets cannot be lost in shorter bursts than nine.
    assert runs(burst_losses(20000, 0.9, rng(), burst=3.0)) == pytest.approx(9.0, abs=1.0)
    assert burst_losses(50, 1.0, rng(), burst=3.0).all()


def test_samples_are_dropped_alone_or_in_runs():
    given = Signal(np.ones(50_000, np.float32), 16000)
    alone = SampleDrop(strength=0.5, rate=0.6)(given, rng())
    assert (alone.samples == 0).mean() == pytest.approx(0.3, abs=0.02)
    tens = SampleDrop(strength=1.0, rate=0.3, run=10)(given, rng()).samples.reshape(-1, 10)
    assert (tens.min(axis=1) == tens.max(axis=1)).all()
    assert tens.mean() == pytest.approx(0.7, abs=0.02)


def test_options_that_cannot_be():
    for kind, options in (
        (PacketLoss, {"rate": 1.2}), (PacketLoss, {"packet_s": 0.0}), (PacketLoss, {"burst": 0.5}),
        (SampleDrop, {"run": 0}), (SampleDrop, {"rate": -1.0}),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            kind(**options)
