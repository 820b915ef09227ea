"""Parts of a page from numbers that are made up: what they say, what they leave out."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from emofuse.evaluation.attribution import ModalityAttribution
from emofuse.evaluation.calibration import reliability_curve
from emofuse.evaluation.conformal import SetQuality, SplitCoverage
from emofuse.evaluation.curves import Curve
from emofuse.evaluation.diagnosis import Calibration, Diagnosis, SetRow
from emofuse.evaluation.groups import Gap, GroupReport, GroupScore
from emofuse.evaluation.robustness import Robustness, SubsetRow, SubsetTable
from emofuse.evaluation.robustness_study import study
from emofuse.evaluation.selective import risk_coverage_curve
from emofuse.inference.evaluation_sections import (
    calibration_card,
    classes_card,
    doubt_card,
    groups_card,
    scores_card,
    training_card,
)
from emofuse.inference.measurement_sections import complexity_card, explanation_card, robustness_card
from emofuse.inference.page import number, page, share, table, within
from emofuse.types import Report, Score

NAN = float("nan")
EMPTY = Diagnosis(None, None, (), None, {}, {})


def report(*, labels=("a", "b"), confusion=((3, 1), (0, 4)), scores=(("uar", 0.875, 0.7, 1.0),)):
    return Report(
        n=8, groups=2, interval="by hand", scores=tuple(Score(*one) for one in scores), confusion=np.array(confusion),
        per_class={label: {"precision": 1.0, "recall": 0.75, "f1": NAN, "n": 4} for label in labels},
    )  # fmt: skip


def rows(html):
    found = re.findall(r'<tr[^>]*><th scope="row">(.*?)</th>(.*?)</tr>', html)
    return {name: re.findall(r"<td[^>]*>(.*?)</td>", cells) for name, cells in found}


def figures(html):
    """The titles of the figures; each figure must be well-formed."""
    found = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    return [ET.fromstring(one).find("figcaption").text for one in found]


class TestPage:
    def test_numbers_are_rounded_and_unknown_ones_are_a_dash(self):
        assert (number(0.12345), number(-0.5, digits=1), number(NAN), number(None)) == (
            "0.123",
            "−0.5",
            "–",
            "–",
        )
        assert (share(0.1234), share(NAN)) == ("12.3%", "–")
        assert within(0.5, 0.4, 0.6) == "0.500 <small>0.400–0.600</small>"
        assert within(0.5, NAN, NAN) == "0.500"

    def test_a_table_names_its_rows_and_marks_one(self):
        html = table(("metric", "value", "note"), [("a", "1", "x"), ("b", "2", "y")], first=1, said=(2,))
        assert rows(html) == {"a": ["1", "x"], "b": ["2", "y"]}
        assert html.index('class="first"') > html.index(">a<")
        assert html.count('class="said"') == 3

    def test_a_row_that_does_not_fit_its_heads_is_an_error(self):
        with pytest.raises(ValueError, match="zip"):
            table(("a", "b"), [("1", "2", "3")])

    def test_the_frame_links_its_cards_and_escapes(self):
        html = page("a<b", "", [("Some part", "<p>x</p>")], notes=["n<o"])
        assert '<a href="#some-part">' in html and 'id="some-part"' in html
        assert "a&lt;b" in html and "n&lt;o" in html and "a<b" not in html


class TestScores:
    def test_roles_stand_beside_each_other_with_their_intervals(self):
        html = scores_card({"test": report(), "valid": report(scores=(("ece", 0.1, NAN, NAN),))}, "uar")
        assert re.findall(r'<th scope="col">(\w+)', html) == ["metric", "valid", "test"]
        assert rows(html) == {"ece": ["0.100", "–"], "uar": ["–", "0.875 <small>0.700–1.000</small>"]}
        assert "test: 8 clips in 2 groups, by hand" in html

    def test_the_metric_that_counts_stands_out_by_its_rating_too(self):
        html = scores_card(
            {"valid": report(scores=(("mae/v", 1.0, NAN, NAN), ("ccc/v", 0.5, NAN, NAN)))}, "ccc"
        )
        assert re.search(r'class="first"><th scope="row">ccc/v', html)


class TestClasses:
    def test_a_class_has_its_row_and_the_matrix_its_cells(self):
        html = classes_card(report(), {}, "test")
        assert rows(html) == {"a": ["1.000", "0.750", "–", "4"], "b": ["1.000", "0.750", "–", "4"]}
        assert figures(html) == ["Confusion matrix, test, clips"]

    def test_clips_without_one_label_are_told_where_they_are_left_out(self):
        assert "one label" not in classes_card(report(), {}, "test")
        told = "count the 8 of 11 clips with one label; those with several or none are left out."
        assert told in classes_card(replace(report(), n=11), {}, "test")

    def test_matrices_of_ratings_are_not_said_to_leave_out_clips(self):
        counts = {"seven": (("x", "y"), np.eye(2, dtype=int))}
        both = classes_card(replace(report(), n=11), counts, "test")
        assert figures(both) == ["Confusion matrix, test, clips", "seven, test, clips"]
        assert "The table and the first matrix count the 8 of 11 clips" in both
        alone = classes_card(replace(report(labels=()), n=11), counts, "test")
        assert figures(alone) == ["seven, test, clips"] and "one label" not in alone

    def test_ratings_have_matrices_and_no_table(self):
        plain = report(labels=(), confusion=np.zeros((0, 0)))
        counts = {name: (("x", "y"), np.eye(2, dtype=int)) for name in ("seven", "one", "two")}
        html = classes_card(plain, counts, "valid")
        assert figures(html) == [f"{name}, valid, clips" for name in counts] and not rows(html)
        assert classes_card(plain, {}, "valid") == ""


class TestTraining:
    HISTORY = (
        {"epoch": 0.0, "train_loss": 1.0, "valid_loss": 1.1, "valid_uar": 0.4},
        {"epoch": 1.0, "train_loss": 0.5, "valid_loss": 0.9, "valid_uar": 0.6},
    )

    def test_losses_and_the_watched_metric_are_drawn(self):
        html = training_card(self.HISTORY, 1)
        assert figures(html) == ["Loss", "Validation uar"]
        assert "epoch 2, which validation chose" in html and html.count('class="mark"') == 2

    def test_one_epoch_is_enough_and_none_is_nothing(self):
        assert figures(training_card(self.HISTORY[:1], 0)) == ["Loss", "Validation uar"]
        assert training_card([], 0) == "" and training_card([{"epoch": 0.0}], 0) == ""


class TestDoubt:
    TRUTH = np.array([0, 0, 1, 1, 0])
    SAID = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.45, 0.55]])

    def test_calibration_is_judged_against_chance(self):
        curve = reliability_curve(self.TRUTH, self.SAID)
        bad = calibration_card(Calibration(curve, 0.3, 0.2, 5), "test")
        assert "0.300 on 5 test clips, 15 bins: more than chance explains" in bad
        assert "no more than chance explains" in calibration_card(Calibration(curve, 0.1, 0.2, 5), "test")
        assert figures(bad) == ["Reliability", "Clips by confidence"]
        assert calibration_card(None, "test") == ""

    def test_errors_are_read_off_the_curve(self):
        found = Diagnosis(None, risk_coverage_curve(self.TRUTH, self.SAID), (), None, {}, {})
        html = doubt_card(found, ("a", "b"))
        # The three surest are right; of all five two are wrong.
        assert rows(html) == {"100.0%": ["40.0%"], "80.0%": ["25.0%"], "50.0%": ["0.0%"], "20.0%": ["0.0%"]}
        assert "can answer 60% of the clips, those above 0.70" in html

    def test_doubt_says_how_many_clips_it_is_of(self):
        curve = reliability_curve(self.TRUTH, self.SAID)
        risk = risk_coverage_curve(self.TRUTH, self.SAID)
        found = Diagnosis(Calibration(curve, 0.1, 0.2, 5), risk, (), None, {}, {})
        assert "Errors and sets count the 5 of 9 clips with one label" in doubt_card(
            found, ("a", "b"), clips=9
        )
        assert "one label" not in doubt_card(found, ("a", "b"), clips=5)

    def test_a_hopeless_model_is_told_as_such(self):
        found = Diagnosis(None, risk_coverage_curve(1 - self.SAID.argmax(1), self.SAID), (), None, {}, {})
        assert "No threshold brings the error down" in doubt_card(found, ("a", "b"))

    def test_sets_are_told_by_class_and_over_splits(self):
        kinds = tuple(
            SetRow(kind, SetQuality(0.92, 1.5, 0.01, 0.5, np.array([0.9, NAN])))
            for kind in ("one for all", "by class")
        )
        splits = SplitCoverage(np.array([0.8, 0.9, 1.0]), np.ones(3))
        html = doubt_card(Diagnosis(None, None, kinds, splits, {}, {}), ("a", "b"))
        assert rows(html)["one for all"] == ["92.0%", "1.50", "50.0%", "1.0%"]
        assert rows(html)["b"] == ["–", "–"]
        assert "3 times: 90.0% on average, standard deviation 10.0 points, 80% to 100%" in html
        assert doubt_card(EMPTY, ()) == ""


class TestGroups:
    def made(self, gap, notes=()):
        shown = (GroupScore("s1", 20, 1, 0.8, 0.7, 0.9), GroupScore("s2", 1000, 1, 0.6, NAN, NAN))
        return {"speaker": GroupReport("uar", shown, gap, "drawn by hand", notes)}

    def test_a_gap_that_chance_may_have_made_is_told_as_such(self):
        html = groups_card(self.made(Gap("s1", "s2", 0.2, 0.0, 0.4)))
        assert (
            "s1 above s2 by 0.200 (0.000 to 0.400, for all pairs at once): chance may have made it" in html
        )
        assert "chance alone does not explain it" in groups_card(self.made(Gap("s1", "s2", 0.2, 0.1, 0.3)))
        assert figures(html) == ["By speaker (clips)"] and "s2 (1,000): 0.600" in html

    def test_groups_that_cannot_be_compared_say_so(self):
        assert "No two groups are large enough" in groups_card(
            self.made(None, ("3 small groups left out",))
        )
        assert "3 small groups left out." in groups_card(self.made(None, ("3 small groups left out",)))
        assert groups_card({}) == ""


class TestRobustness:
    ONE = Curve(
        "one",
        "white_noise",
        "uar",
        (0.0, 0.5, 1.0),
        (0.8, 0.6, 0.2),
        ("audio",),
        ((0.8, 0.6, 0.2),) * 2,
        n=10,
    )

    def made(self, *curves, baselines=(), subsets=()):
        measured = [Robustness(one.method, 10, {"uar": one.clean}, (one,)) for one in curves]
        return study(measured, subsets, metric="uar", baselines=baselines)

    def test_a_curve_has_a_figure_and_a_row(self):
        html = robustness_card(self.made(self.ONE))
        assert figures(html) == ["White noise"]
        assert rows(html) == {
            "white noise": ["audio", "0.800", "0.200", number(0.25 * (0.8 + 2 * 0.6 + 0.2))]
        }
        assert robustness_card(None) == ""

    def test_a_baseline_is_drawn_quietly_and_has_a_column(self):
        base = Curve("base", "white_noise", "uar", (0.0, 0.5, 1.0), (0.8, 0.7, 0.6), ("audio",))
        html = robustness_card(self.made(self.ONE, baselines=[base]))
        assert rows(html)["white noise"][-1] == "−0.500"  # (0.6 - 0.7) + (0.2 - 0.6)
        assert "baseline: base" in html and 'class="line quiet"' in html

    def test_several_models_are_named(self):
        two = Curve("two", "white_noise", "uar", (0.0, 0.5, 1.0), (0.7, 0.6, 0.5), ("audio",))
        html = robustness_card(self.made(self.ONE, two))
        assert (
            "one: audio" in html and "two: audio" in html and html.count('<td class="said">two</td>') == 1
        )

    def test_subsets_tell_what_is_lost(self):
        shown = (
            SubsetRow(("audio", "text"), (), 0, {"uar": 0.8}),
            SubsetRow(("text",), ("audio",), 3, {"uar": 0.5}),
        )
        html = robustness_card(self.made(self.ONE, subsets=[SubsetTable("one", 10, shown)]))
        assert rows(html)["text"] == ["0.500", "−0.300", "3"]
        assert figures(html)[-1] == "Only some modalities"


class TestModalities:
    def made(self, kind="log_odds", weights=None):
        values = np.array([[3.0, 1.0], [1.0, -1.0]])
        return ModalityAttribution(
            ids=("1", "2"), names=("audio", "text"), kind=kind, baseline="the model with nothing",
            columns=np.array([0, 1]), values=values, outputs=values.sum(1) + 0.5, bases=np.full(2, 0.5),
            present=np.ones((2, 2), bool), weights=weights,
        )  # fmt: skip

    def test_shares_are_means_of_sizes_and_values_keep_their_sign(self):
        html = explanation_card(self.made(), None, ("a", "b"))
        assert "audio 62%; text 38%" in html  # (3/4 + 1/2) / 2 and the rest
        assert rows(html) == {"a": ["+3.00", "+1.00", "1"], "b": ["+1.00", "−1.00", "1"]}
        assert "largest error 0.0e+00" in html and explanation_card(None, None, ()) == ""

    def test_weights_are_drawn_where_the_model_gives_them(self):
        html = explanation_card(self.made(weights=np.array([[0.9, 0.1], [0.7, 0.3]])), None, ("a", "b"))
        assert "audio 0.800; text 0.200" in html

    def test_ratings_have_no_classes(self):
        html = explanation_card(self.made(kind="rating"), None, ())
        assert "units of the rating" in html and not rows(html)


def test_nothing_measured_costs_nothing():
    assert complexity_card(()) == ""
