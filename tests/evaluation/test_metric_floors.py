"""Published label files alone: the best constant answers reach the numbers that the field knows."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from emofuse.evaluation.metrics import METRICS
from emofuse.evaluation.metrics.binning import outward, rounded

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA is not set"),
]


def folder() -> Path:
    return Path(os.environ["EMOFUSE_DATA"])


def column(name: str, wanted: str, **reading) -> list[str]:
    with (folder() / name).open(encoding="utf-8", newline="") as file:
        return [row[wanted] for row in csv.DictReader(file, **reading)]


def mosi(split: str) -> np.ndarray:
    with np.load(folder() / "cmu_mosi" / "mosi_utterances.npz") as stored:
        return stored["sentiment"][stored["standard_split"] == split]


def mosei(split: str) -> np.ndarray:
    return np.array(
        column(f"cmu_mosei_text/{split}.tsv", "label", delimiter="\t", quoting=csv.QUOTE_NONE), dtype=float
    )


def sims(split: str) -> np.ndarray:
    name = "ch_sims_text/ch_sims.csv"
    rows = zip(column(name, "split"), column(name, "label"), strict=True)
    return np.array([float(label) for found, label in rows if found == split])


def constant(metric: str, truth: np.ndarray, answer: float) -> float:
    return METRICS.load(metric).compute(truth, np.full_like(truth, answer))


@pytest.mark.parametrize(
    ("read", "n", "answers", "floors"),
    [
        (mosi, 686, (-1.0, -1.0, -2.0), ("57.77", "55.25", "22.74", "1.456")),
        (mosei, 4659, (1.0, 1.0, 0.0), ("62.85", "71.02", "41.36", "0.838")),
    ],
)
def test_floors_of_the_cmu_corpora(read, n, answers, floors):
    train, truth = read("train"), read("test")
    assert len(truth) == n
    scores = [
        f"{100 * constant(name, truth, answer):.2f}"
        for name, answer in zip(("acc2_non0", "acc2_has0", "acc7"), answers, strict=True)
    ]
    assert (*scores, f"{constant('mae', truth, np.median(train)):.3f}") == floors


def test_floors_of_ch_sims():
    train, truth = sims("train"), sims("test")
    assert len(truth) == 457
    assert f"{100 * constant('acc2_sims', truth, -1.0):.2f}" == "69.37"
    assert f"{100 * constant('acc3_sims', truth, -1.0):.2f}" == "54.27"
    assert f"{constant('mae_sims', truth, np.median(train)):.3f}" == "0.589"


def test_floors_of_meld():
    emotions = np.array(column("meld/test_sent_emo.csv", "Emotion"))
    names, truth = np.unique(emotions, return_inverse=True)
    neutral = np.full(len(truth), list(names).index("neutral"))
    assert len(truth) == 2610
    assert f"{100 * METRICS.load('accuracy').compute(truth, neutral, len(names)):.2f}" == "48.12"
    assert f"{100 * METRICS.load('weighted_f1').compute(truth, neutral, len(names)):.2f}" == "31.27"


@pytest.mark.parametrize(("read", "share"), [(mosi, "38.34"), (mosei, "32.75")])
def test_two_ways_of_seven_classes_differ(read, share):
    truth = read("test")
    assert f"{100 * np.mean(rounded(truth, limit=3) != outward(truth, limit=3)):.2f}" == share
