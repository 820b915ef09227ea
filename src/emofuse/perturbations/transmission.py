"""Sound on its way: lossy codecs, lost packets, lost samples."""

import io
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from emofuse.errors import MissingExtraError
from emofuse.perturbations.audio import limited
from emofuse.perturbations.ranges import checked_rate, checked_strength
from emofuse.types import Signal

# Shorter sounds are padded before they are coded: encoders want some frames.
_LEAST_S = 0.2


class _Coder(NamedTuple):
    """An encoder of FFmpeg, the container it is written to, its rate in Hz, and the bit rates it can go
    between (None where it has one only).
    """

    encoder: str
    container: str
    rate: int
    bits: tuple[float, float] | None


CODERS: Mapping[str, _Coder] = {
    "mp3": _Coder("libmp3lame", "mp3", 16000, (64_000.0, 8_000.0)),
    "opus": _Coder("libopus", "ogg", 48000, (64_000.0, 6_000.0)),
    "mu_law": _Coder("pcm_mulaw", "wav", 8000, None),
}


class Codec:
    """Coded and decoded again, through FFmpeg's own coders; the length stays.

    ``coder`` "mp3" (at 16 kHz) and "opus" go from 64 kbit/s towards strength 0 down to 8 and 6 kbit/s at
    strength 1, evenly on a log scale. "mu_law" is a telephone line of 8 kHz (G.711), which has one quality:
    a smaller strength blends it with the original. Nothing in it is random.
    """

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, coder: str = "opus") -> None:
        if coder not in CODERS:
            raise ValueError(f"coder is one of {tuple(CODERS)}, got {coder!r}")
        self.strength, self.coder = checked_strength(strength), coder

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal after the line.

        Raises:
            MissingExtraError: the installed PyAV lacks the encoder.
        """
        if self.strength == 0 or not len(given.samples):
            return given
        coder = CODERS[self.coder]
        if coder.bits is None:
            heard = _through(given, coder, bits=0)
            return limited((1 - self.strength) * given.samples + self.strength * heard, given.rate)
        high, low = coder.bits
        return limited(_through(given, coder, bits=round(high * (low / high) ** self.strength)), given.rate)


class PacketLoss:
    """At strength 1 a share ``rate`` of packets of ``packet_s`` seconds is lost and silent, in bursts.

    The losses are a two-state chain (Gilbert 1960) whose bursts are ``burst`` packets long on average, or
    longer where so many are lost that they must be.
    """

    kind = "signal"

    def __init__(
        self, *, strength: float = 1.0, rate: float = 0.5, packet_s: float = 0.02, burst: float = 3.0
    ) -> None:
        if packet_s <= 0 or burst < 1:
            raise ValueError(f"need packet_s > 0 and burst >= 1, got {packet_s} and {burst}")
        self.strength, self.rate = checked_strength(strength), checked_rate(rate)
        self.packet_s, self.burst = packet_s, burst

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal with gaps."""
        share = self.strength * self.rate
        if share == 0 or not len(given.samples):
            return given
        size = max(1, round(self.packet_s * given.rate))
        lost = burst_losses(-(-len(given.samples) // size), share, generator, burst=self.burst)
        gaps = np.repeat(lost, size)[: len(given.samples)]
        return Signal(np.where(gaps, np.float32(0), given.samples).astype(np.float32), given.rate)


class SampleDrop:
    """At strength 1 each run of ``run`` samples is zero with probability ``rate``.

    The two drop-outs of MultiBench on waveforms: single samples, and with ``run = 10`` its structured one.
    """

    kind = "signal"

    def __init__(self, *, strength: float = 1.0, rate: float = 0.9, run: int = 1) -> None:
        if run < 1:
            raise ValueError(f"run is 1 or more samples, got {run}")
        self.strength, self.rate, self.run = checked_strength(strength), checked_rate(rate), run

    def __call__(self, given: Signal, generator: np.random.Generator) -> Signal:
        """The signal with samples missing."""
        share = self.strength * self.rate
        if share == 0 or not len(given.samples):
            return given
        runs = generator.random(-(-len(given.samples) // self.run)) < share
        lost = np.repeat(runs, self.run)[: len(given.samples)]
        return Signal(np.where(lost, np.float32(0), given.samples).astype(np.float32), given.rate)


def burst_losses(count: int, share: float, generator: np.random.Generator, *, burst: float) -> np.ndarray:
    """Which of ``count`` packets are lost ``(count,)`` bool: on average ``share`` of them."""
    if share >= 1:
        return np.ones(count, dtype=bool)
    # At least so long that a gap between two bursts is one packet or more.
    recover = min(1 / burst, (1 - share) / share)
    fail = recover * share / (1 - share)
    draws = generator.random(count)
    lost = np.empty(count, dtype=bool)
    state = bool(generator.random() < share)
    for place in range(count):
        lost[place] = state
        state = draws[place] >= recover if state else draws[place] < fail
    return lost


def _through(given: Signal, coder: _Coder, *, bits: int) -> np.ndarray:
    """The samples ``(n,)`` after encoding and decoding at their own rate."""
    import soxr

    samples = np.pad(given.samples, (0, max(0, round(_LEAST_S * given.rate) - len(given.samples))))
    sent = soxr.resample(np.asarray(samples, dtype=np.float64), given.rate, coder.rate)
    data = _encoded(sent, coder, bits=bits)
    heard, rate = _decoded(data)
    back = soxr.resample(heard, rate, given.rate)
    return np.pad(back, (0, max(0, len(given.samples) - len(back))))[: len(given.samples)]


def _encoded(samples: np.ndarray, coder: _Coder, *, bits: int) -> bytes:
    import av

    loudest = 32767
    pcm = np.clip(np.round(samples * loudest), -loudest, loudest).astype(np.int16)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=coder.container) as container:
        try:
            stream = container.add_stream(coder.encoder, rate=coder.rate, layout="mono")
        except (av.codec.codec.UnknownCodecError, ValueError) as error:
            raise MissingExtraError(
                f"the installed PyAV has no encoder {coder.encoder} for {coder.container}"
            ) from error
        if bits:
            stream.bit_rate = bits
        frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = coder.rate, 0
        wanted = stream.codec_context
        wanted.open(strict=False)
        resampler = av.AudioResampler(
            wanted.format, "mono", coder.rate, frame_size=wanted.frame_size or None
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _decoded(data: bytes) -> tuple[np.ndarray, int]:
    """Float64 samples ``(n,)`` and their rate; the delay that the file states is cut off by the decoder."""
    import av

    with av.open(io.BytesIO(data)) as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler("flt", "mono", rate)
        parts = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        parts += resampler.resample(None)
    return np.concatenate([part.to_ndarray()[0] for part in parts]).astype(np.float64), rate
