"""The page of several runs: names, tests, values, costs."""

import re

import numpy as np
import pytest

from emofuse.evaluation.comparison import Cost, Entrant, compare_entrants
from emofuse.evaluation.metrics import METRICS
from emofuse.inference.comparison_html import comparison_html
from emofuse.types import Predictions, TaskSpec

FREE = Cost()


def predictions(share, *, seed=0, n=120):
    """Right in that share of the clips."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, n)
    said = np.where(generator.random(n) < share, truth, 1 - truth)
    return Predictions(
        ids=tuple(map(str, range(n))), task=TaskSpec(("a", "b")), scores=np.eye(2)[said], probabilities=np.eye(2)[said],
        truth=np.eye(2)[truth], ratings=np.zeros((n, 0)), rating_truth=np.zeros((n, 0)),
        groups=tuple(f"s{k % 10}" for k in range(n)),
    )  # fmt: skip


def compared(*titles, cost=FREE):
    # The truth is drawn first, so that all have the same.
    entrants = [
        Entrant(title, (predictions(0.9 - 0.3 * place),), cost) for place, title in enumerate(titles)
    ]
    return compare_entrants(
        entrants, METRICS.load("accuracy"), dataset="toy", generator=np.random.default_rng(0), resamples=50,
        protocol="official",
    )  # fmt: skip


def page_of(*titles, cost=FREE):
    scores = {title: {"accuracy": [0.5, 0.7]} for title in titles}
    recalls = {title: {"a": [0.2, 0.4]} for title in titles}
    return comparison_html([compared(*titles, cost=cost)], title="runs", scores=scores, recalls=recalls)


def rows(page, card):
    part = page.split(f'id="{card}"')[1].split("</section>")[0]
    return re.findall(r'<tr[^>]*><th scope="row">(.*?)</th>(.*?)</tr>', part)


def test_every_run_is_named_scored_and_tested():
    page = page_of("good", "bad")
    (best, first), (other, second) = rows(page, "comparison")
    assert (best, other) == ("good", "bad")
    assert "best" in first and "best" not in second and "Protocol: official." in page
    assert [cells for _, cells in rows(page, "all-scores")] == ["<td>0.600</td>"] * 2
    assert [cells for _, cells in rows(page, "classes")] == ["<td>0.300</td>"] * 2
    assert "Recall of each class on test, of clips with one label, mean over seeds." in page


@pytest.mark.parametrize(
    ("titles", "shown"),
    [
        (("x-good", "x-bad"), ["good", "bad"]),
        (("x-good", "x-good-2"), ["good", "good-2"]),
        (("good", "gone"), ["good", "gone"]),
        (("x-", "x-y"), ["x-", "x-y"]),
        (("alone-run",), ["alone-run"]),
    ],
)
def test_what_all_names_begin_with_is_said_once(titles, shown):
    assert [name for name, _ in rows(page_of(*titles), "comparison")] == shown


def test_costs_are_shown_where_they_are_known():
    assert 'id="cost"' not in page_of("good", "bad")
    page = page_of("good", "bad", cost=Cost(1234, None, 56.7))
    assert rows(page, "cost")[0][1] == "<td>1,234</td><td>–</td><td>57</td>"


def test_names_are_escaped():
    assert "<script" not in page_of("<script>", "b")
