"""Areas, distances and scales of robustness curves, by hand; published curves; stored and read back."""

import csv
import io
import json
import math
from dataclasses import replace

import pytest

from emofuse.errors import InputError, UnknownNameError
from emofuse.evaluation.curves import (
    THESIS_STEP,
    Curve,
    baseline,
    baseline_names,
    compare_curves,
    curves_csv,
    effective_robustness,
    max_min_normalised,
    relative_robustness,
    robustness_markdown,
)

NAN = float("nan")
ONE = Curve("one", "hiss", "accuracy", (0.0, 0.25, 1.0), (0.8, 0.6, 0.2), modalities=("text",))
TWO = replace(ONE, method="two", values=(0.6, 0.6, 0.6))
THREE = replace(ONE, method="three", values=(0.9, 0.4, 0.2))


def test_the_area_takes_strengths_as_they_are():
    # 0.25 wide and 0.7 high on average, then 0.75 wide and 0.4 high.
    assert relative_robustness(ONE) == pytest.approx(0.25 * 0.7 + 0.75 * 0.4)
    assert relative_robustness(TWO) == pytest.approx(0.6)


def test_the_thesis_steps_by_a_tenth_whatever_the_strengths():
    assert relative_robustness(ONE, step=THESIS_STEP) == pytest.approx(0.1 * (0.7 + 0.4))
    third = baseline("multibench-lf:mosi:multimodal")
    assert relative_robustness(third, step=THESIS_STEP) == pytest.approx(3 * relative_robustness(third))
    with pytest.raises(ValueError):
        relative_robustness(ONE, step=0.0)


def test_what_is_left_beyond_a_baseline_of_the_same_clean_score():
    # The baseline moved up by 0.2 is 0.8, 0.8, 0.8: beyond it are 0, -0.2 and -0.6.
    assert effective_robustness(ONE, TWO) == pytest.approx(-0.8)
    assert effective_robustness(TWO, ONE) == pytest.approx(0.8)
    assert effective_robustness(ONE, ONE) == 0


def test_a_baseline_at_other_strengths_or_of_another_sense_is_refused():
    with pytest.raises(ValueError, match="strengths"):
        effective_robustness(ONE, baseline("multibench-lf:mosi:text"))
    with pytest.raises(ValueError):
        effective_robustness(ONE, replace(TWO, higher_is_better=False))


def test_methods_side_by_side():
    table = compare_curves([ONE, TWO, THREE], baseline=ONE)
    one, two, three = table.rows
    assert table.baseline == "one" and table.noise == "hiss"
    assert [row.clean for row in table.rows] == [0.8, 0.6, 0.9]
    assert [row.strongest for row in table.rows] == [0.2, 0.6, 0.2]
    # Areas: 0.475, 0.6 and 0.25 * 0.65 + 0.75 * 0.3 = 0.3875; beyond: 0, 0.8 and 0 - 0.3 - 0.1.
    assert one.relative_normalised == pytest.approx((0.475 - 0.3875) / (0.6 - 0.3875))
    assert (two.relative_normalised, three.relative_normalised) == (1, 0)
    assert one.effective_normalised == pytest.approx(0.4 / 1.2)
    assert (two.effective_normalised, three.effective_normalised) == (1, 0)
    assert "| two |" in robustness_markdown(table) and "text" in robustness_markdown(table)


def test_of_errors_the_smallest_is_the_best():
    errors = [replace(one, metric="mae", higher_is_better=False) for one in (ONE, TWO, THREE)]
    rows = compare_curves(errors).rows
    assert [row.relative_normalised for row in rows][1:] == [0, 1]
    assert all(math.isnan(row.effective) and math.isnan(row.effective_normalised) for row in rows)


def test_a_scale_needs_two_values_that_differ():
    assert all(map(math.isnan, max_min_normalised([0.4])))
    assert all(map(math.isnan, max_min_normalised([0.4, 0.4, NAN])))
    low, high, none = max_min_normalised([1.0, 3.0, NAN])
    assert (low, high) == (0, 1) and math.isnan(none)


def test_only_curves_of_one_kind_are_compared():
    for other in (
        replace(TWO, noise="hum"),
        replace(TWO, metric="uar"),
        replace(TWO, strengths=(0.0, 0.5, 1.0)),
    ):
        with pytest.raises(ValueError):
            compare_curves([ONE, other])
    with pytest.raises(ValueError):
        compare_curves([])


def test_a_published_baseline_stands_among_the_methods():
    known = baseline("multibench-lf:mosi:text")
    mine = replace(known, method="mine", noise="text_noise", metric="acc", values=(0.7,) * 10)
    rows = compare_curves([mine, known], baseline=known).rows
    assert rows[1].effective == 0 and rows[0].effective_normalised == 1


@pytest.mark.parametrize("strengths", [(), (0.1, 0.2), (0.0, 0.0), (0.0, 1.2), (0.0, 0.5, 0.4)])
def test_strengths_rise_from_nothing_to_all(strengths):
    with pytest.raises(ValueError, match="strengths"):
        Curve("x", "hiss", "uar", strengths, (0.5,) * len(strengths))


def test_a_value_for_each_strength():
    with pytest.raises(ValueError):
        replace(ONE, values=(0.5, 0.4))
    with pytest.raises(ValueError):
        replace(ONE, by_seed=((0.5, 0.4),))


def test_published_curves():
    names = baseline_names()
    assert len(names) == 8
    for name in names:
        curve = baseline(name)
        assert len(curve.values) == 10 and curve.higher_is_better and curve.source
        assert curve.clean == (0.7521 if "mosi" in name else 0.7902)
        assert curve.values[-1] < 0.5 < curve.clean
    assert baseline("multibench-lf:mosi:text").values[8:] == (0.4538, 0.4566)
    assert baseline("multibench-lf:mosei:image").values[-1] == 0.4341
    assert baseline("multibench-lf:mosei:multimodal").strengths[9] == pytest.approx(0.3)
    assert relative_robustness(baseline("multibench-lf:mosi:text")) == pytest.approx(0.525465)


def test_an_unknown_baseline_names_the_nearest():
    with pytest.raises(UnknownNameError, match="multibench-lf:mosi:text"):
        baseline("multibench-lf:mosi:txt")


def test_what_is_stored_is_read_back():
    rich = replace(ONE, by_seed=((0.8, 0.5, 0.2), (0.8, 0.7, NAN)), values=(0.8, 0.6, NAN), n=9)
    text = json.dumps(rich.to_dict(), allow_nan=False)
    back = Curve.from_dict(json.loads(text))
    assert json.dumps(back.to_dict()) == text
    assert Curve.from_dict(json.loads(json.dumps(ONE.to_dict()))) == ONE
    assert ONE.spread == ((0.8, 0.8), (0.6, 0.6), (0.2, 0.2))


@pytest.mark.parametrize(
    "damage",
    [{"values": "abc"}, {"values": [0.1]}, {"strengths": None}, {"colour": "red"}, {"by_seed": [3]}],
)
def test_a_damaged_curve_is_a_typed_error(damage):
    with pytest.raises(InputError):
        Curve.from_dict({**ONE.to_dict(), **damage})


def test_curves_as_rows():
    seeded = replace(ONE, by_seed=((0.8, 0.5, 0.2), (0.8, 0.7, NAN)), n=9)
    rows = list(csv.DictReader(io.StringIO(curves_csv([seeded, TWO]))))
    assert len(rows) == 3 * 3 + 3
    assert [row["value"] for row in rows[:3]] == ["0.8", "0.6", "0.2"]
    assert rows[8]["value"] == "" and rows[8]["seed"] == "1" and rows[8]["n"] == "9"
    assert rows[-1] == {
        "method": "two", "noise": "hiss", "modalities": "text", "metric": "accuracy", "n": "",
        "strength": "1.0", "seed": "mean", "value": "0.6",
    }  # fmt: skip
