"""Fundamental frequency by autocorrelation and a best path, after Boersma 1993.

Proceedings of the Institute of Phonetic Sciences 17, pp. 97-110: the autocorrelation of a windowed frame
is divided by that of its window. Differs: only the band below 4 kHz is looked at, at double resolution,
and at most four candidates are kept in a frame.
"""

from typing import NamedTuple

import numpy as np

from emofuse.features.mel import cosine_window, frame_blocks

# The costs are those of the paper, for a step of 10 ms, but for the octave's: 0.01 there, which takes
# bright sounds that were sampled without a filter for an octave lower.
VOICING_THRESHOLD, SILENCE_THRESHOLD = 0.45, 0.03
OCTAVE_COST, JUMP_COST, SWITCH_COST = 0.03, 0.35, 0.14
CANDIDATES = 4
BAND_HZ, FINER = 4000, 2
# Below -80 dB a clip is silence, however regular its rounding noise.
_QUIET = 1e-4


class Pitch(NamedTuple):
    """By frame: ``hz`` (0 where unvoiced) and ``regularity``, the share of power that repeats (0 to 1)."""

    hz: np.ndarray
    regularity: np.ndarray


def track_pitch(
    samples: np.ndarray, rate: int, *, hop: int, offset: int, low_hz: float = 60.0, high_hz: float = 500.0
) -> Pitch:
    """Pitch of frames centred at ``offset + i * hop``, as many as lie at least ``offset`` from the end."""
    window = 2 * round(1.5 * rate / low_hz)
    before = max(window // 2 - offset, 0)
    padded = np.pad(samples, (before, before))
    lags, heights, peaks = [], [], []
    for frames in frame_blocks(padded, window, hop):
        lag, height = _candidates(frames, rate, (rate / high_hz, rate / low_hz))
        lags.append(lag)
        heights.append(height)
        peaks.append(np.abs(frames - frames.mean(axis=1, keepdims=True)).max(axis=1))
    lag, height, peak = np.concatenate(lags), np.concatenate(heights), np.concatenate(peaks)
    level = peak / max(float(peak.max()), _QUIET)
    with np.errstate(divide="ignore"):
        octaves = np.log2(low_hz * lag / rate)
    voiced = np.where(height > 0, height - OCTAVE_COST * octaves, -np.inf)
    silent = np.maximum(0.0, 2.0 - level * (1 + VOICING_THRESHOLD) / SILENCE_THRESHOLD)
    chosen = _best_path(np.column_stack([voiced, VOICING_THRESHOLD + silent]), octaves)
    rows = np.arange(len(chosen))
    is_voiced = (chosen < CANDIDATES) & (peak > _QUIET)
    column = np.where(is_voiced, chosen, height.argmax(axis=1))
    regularity = np.where(peak > _QUIET, np.clip(height[rows, column], 0.0, 1.0), 0.0)
    return Pitch(np.where(is_voiced, rate / lag[rows, column], 0.0), regularity)


def _candidates(
    frames: np.ndarray, rate: int, limits: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Lags in samples and heights ``(frames, 4)`` of the highest peaks; height 0 where there is none."""
    window = frames.shape[1]
    shortest, longest = (round(FINER * lag) for lag in limits)
    shape = cosine_window("hann", window)
    size = 1 << (window + longest // FINER + 1).bit_length()
    band = round(BAND_HZ / rate * size)
    own = _autocorrelation(shape[None], size, band)[0, : longest + 2]
    power = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * shape, size, band)
    energy = np.maximum(power[:, :1], 1e-20)
    curve = (power[:, : longest + 2] / energy * (own[0] / own))[:, shortest - 1 :]
    left, middle, right = curve[:, :-2], curve[:, 1:-1], curve[:, 2:]
    score = np.where((middle > left) & (middle >= right) & (middle > 0), middle, 0.0)
    # A peak at twice the lag is just as high for a regular sound: the shorter lag goes first.
    ranked = score - OCTAVE_COST * np.log2(np.arange(shortest, shortest + score.shape[1]) / shortest)
    columns = np.argpartition(-ranked, CANDIDATES, axis=1)[:, :CANDIDATES]
    a, b, c = (np.take_along_axis(side, columns, axis=1) for side in (left, middle, right))
    bend = np.minimum(a - 2 * b + c, -1e-12)
    shift = np.clip(0.5 * (a - c) / bend, -0.5, 0.5)
    height = np.where(np.take_along_axis(score, columns, axis=1) > 0, b - 0.25 * (a - c) * shift, 0.0)
    return (columns + shortest + shift) / FINER, np.where(height > 1, 1 / np.maximum(height, 1.0), height)


def _autocorrelation(frames: np.ndarray, size: int, band: int) -> np.ndarray:
    """Of the lowest ``band`` bins, ``FINER`` values per sample of lag."""
    spectrum = np.fft.rfft(frames, size)[:, : band + 1]
    return np.fft.irfft(spectrum.real**2 + spectrum.imag**2, FINER * size)


def _best_path(gains: np.ndarray, octaves: np.ndarray) -> np.ndarray:
    """Viterbi: the column of ``gains`` ``(frames, 5)`` in every frame; the last column is unvoiced."""
    count, states = gains.shape
    costs = np.zeros((count, states, states))
    jumps = np.abs(octaves[1:, None, :] - octaves[:-1, :, None])
    costs[1:, :-1, :-1] = JUMP_COST * np.where(np.isfinite(jumps), jumps, 0.0)
    costs[:, -1, :-1] = costs[:, :-1, -1] = SWITCH_COST
    came_from = np.zeros((count, states), dtype=int)
    total = gains[0]
    every = np.arange(states)
    for frame in range(1, count):
        arriving = total[:, None] - costs[frame]
        came_from[frame] = arriving.argmax(axis=0)
        total = arriving[came_from[frame], every] + gains[frame]
    path = np.empty(count, dtype=int)
    path[-1] = total.argmax()
    for frame in range(count - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return path
