"""Standings: hand-worked means and orders, honest p values, tables that read back."""

import csv
import io

import numpy as np
import pytest

from emofuse.errors import ConfigError, DatasetError
from emofuse.evaluation.comparison import Cost, Entrant, Published, compare_entrants
from emofuse.evaluation.metrics import METRICS
from emofuse.evaluation.standings import standings_csv, standings_markdown
from emofuse.types import Predictions, TaskSpec

SPEAKERS, CLIPS = 12, 10


def predictions(right: np.ndarray, *, seed: int = 0, ids=None) -> Predictions:
    """Binary clips of speakers; ``right`` says which are named right."""
    n = len(right)
    truth = np.arange(n) % 2
    named = np.where(right, truth, 1 - truth)
    probabilities = np.eye(2)[named] * 0.8 + 0.1
    return Predictions(
        ids=tuple(ids or (f"clip{row}" for row in range(n))),
        task=TaskSpec(("no", "yes"), metrics=("accuracy",)),
        scores=np.log(probabilities),
        probabilities=probabilities,
        truth=np.eye(2)[truth],
        ratings=np.zeros((n, 0)),
        rating_truth=np.zeros((n, 0)),
        groups=tuple(f"speaker{row // CLIPS}" for row in range(n)),
    )


def chance(share: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(SPEAKERS * CLIPS) < share


def standings(*entrants: Entrant, metric="accuracy", resamples=300):
    generator = np.random.default_rng(0)
    return compare_entrants(
        entrants, METRICS.load(metric), dataset="toy", generator=generator, resamples=resamples
    )


def test_means_over_seeds_and_the_distance_to_the_best_by_hand():
    every = np.ones(SPEAKERS * CLIPS, dtype=bool)
    half, most = every.copy(), every.copy()
    half[::2] = False
    most[::10] = False
    made = standings(
        Entrant("half", (predictions(half), predictions(most))),
        Entrant("all", (predictions(every),), Cost(12, 0.5, 100.0), Published(0.9, "leaked", "a paper")),
    )
    worse, best = made.rows
    assert made.best == "all" and best.p is None and best.value == 1.0 and best.behind == 0.0
    assert worse.seeds == (0.5, 0.9) and worse.value == pytest.approx(0.7)
    assert worse.behind == pytest.approx(0.3)
    # Every speaker has the same share: only the drawn seeds move the interval.
    assert worse.low == pytest.approx(0.5) and worse.high == pytest.approx(0.9)
    assert made.n == SPEAKERS * CLIPS and "12 groups" in made.interval and "seeds" in made.interval


def test_a_clear_difference_is_found_and_the_correction_multiplies():
    good, bad, worse = (predictions(chance(share, 1)) for share in (0.9, 0.6, 0.3))
    made = standings(Entrant("bad", (bad,)), Entrant("good", (good,)), Entrant("worse", (worse,)))
    smallest = 1 / 301
    assert made.best == "good"
    assert [row.p for row in made.rows] == [pytest.approx(2 * smallest), None, pytest.approx(2 * smallest)]
    assert made.rows[0].behind_low > 0


def test_the_same_predictions_are_never_significant():
    one = predictions(chance(0.7, 2))
    made = standings(Entrant("a", (one,)), Entrant("b", (one,)))
    assert [row.p for row in made.rows] == [None, 1.0]
    assert made.rows[1].behind == 0 and made.rows[1].behind_low == made.rows[1].behind_high == 0


def test_equal_models_are_called_different_about_one_time_in_twenty():
    p_values = []
    for trial in range(60):
        first, second = chance(0.7, 1000 + trial), chance(0.7, 2000 + trial)
        made = standings(
            Entrant("a", (predictions(first),)), Entrant("b", (predictions(second),)), resamples=100
        )
        p_values.append(next(row.p for row in made.rows if row.p is not None))
    assert np.mean(np.array(p_values) < 0.05) < 0.15
    assert 0.35 < np.mean(p_values) < 0.65


def test_a_loss_counts_the_other_way():
    sure, unsure = predictions(chance(0.95, 3)), predictions(chance(0.55, 3))
    made = standings(Entrant("unsure", (unsure,)), Entrant("sure", (sure,)), metric="nll")
    assert made.best == "sure" and not made.higher_is_better
    assert made.rows[0].value > made.rows[1].value and made.rows[0].behind < 0


def test_only_clips_that_all_models_have_are_scored():
    right = chance(0.8, 4)
    part = Entrant("part", (predictions(right[:100]),))
    made = standings(Entrant("whole", (predictions(right),)), part)
    assert made.n == 100 and made.notes == ("20 clips left out that some model lacks",)
    assert made.rows[0].value == made.rows[1].value


def test_nothing_to_compare_is_said():
    one = predictions(chance(0.5, 5))
    other = predictions(chance(0.5, 5), ids=[f"other{row}" for row in range(SPEAKERS * CLIPS)])
    with pytest.raises(DatasetError, match="no finished model"):
        standings()
    with pytest.raises(DatasetError, match="in common"):
        standings(Entrant("a", (one,)), Entrant("b", (other,)))
    with pytest.raises(ConfigError, match="needs ratings"):
        standings(Entrant("a", (one,)), metric="ccc")


def test_tables_hold_every_row_and_escape_titles():
    made = standings(
        Entrant("a|<b>", (predictions(chance(0.6, 6)),)),
        Entrant(
            "best", (predictions(chance(0.9, 6)),), Cost(1234567, 1.5, 512.4), Published(0.8, "honest", "x")
        ),
    )
    markdown = standings_markdown([made])
    assert "a\\|<b>" in markdown and "| 1,234,567 | 1.50 | 512 | 0.8 (honest, x) |" in markdown
    rows = list(csv.DictReader(io.StringIO(standings_csv([made]))))
    assert [row["model"] for row in rows] == ["a|<b>", "best"]
    assert (
        float(rows[1]["mean"]) == made.rows[1].value
        and rows[1]["p_holm"] == ""
        and rows[0]["published"] == ""
    )
    assert made.to_dict()["rows"][1]["published"] == {"value": 0.8, "protocol": "honest", "source": "x"}
