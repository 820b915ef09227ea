"""Pictures are written whole, repeat byte for byte, and refuse what cannot be drawn."""

import io

import numpy as np
import pytest

from emofuse.errors import OutputError
from emofuse.evaluation.groups import GroupReport, GroupScore
from emofuse.evaluation.plots import confusion_plot, groups_plot, loss_curves, reliability_plot, risk_plot
from emofuse.evaluation.selective import risk_coverage_curve
from emofuse.types import Report, Score

HISTORY = [
    {
        "epoch": float(k),
        "train_loss": 2 / (k + 1),
        "valid_loss": 1 + 0.1 * k,
        "valid_uar": 0.5 - 0.01 * (k - 2) ** 2,
    }
    for k in range(6)
]


def report(counts):
    counts = np.array(counts)
    score = Score("uar", 0.5, 0.4, 0.6)
    return Report(int(counts.sum()), 4, "95 % bootstrap", (score,), counts, {})


def picture(path):
    image = pytest.importorskip("PIL.Image")
    with image.open(io.BytesIO(path.read_bytes())) as opened:
        assert opened.format == "PNG"
        return np.asarray(opened.convert("RGB"))


def test_confusion_is_darker_where_more_clips_are(tmp_path):
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    confusion_plot(report([[9, 1], [0, 4]]), ("joy", "fear"), one)
    confusion_plot(report([[5, 5], [2, 2]]), ("joy", "fear"), other)
    pixels = picture(one)
    assert min(pixels.shape[:2]) > 300
    dark = [(picture(path).sum(axis=2) < 300).mean() for path in (one, other)]
    assert dark[0] > dark[1]


def test_confusion_with_a_class_that_never_occurs(tmp_path):
    confusion_plot(report([[3, 1], [0, 0]]), ("a", "b"), tmp_path / "c.png")
    assert picture(tmp_path / "c.png").size


def test_confusion_refuses_other_labels_and_no_clips(tmp_path):
    with pytest.raises(ValueError):
        confusion_plot(report([[1, 0], [0, 1]]), ("a", "b", "c"), tmp_path / "c.png")
    with pytest.raises(ValueError):
        confusion_plot(report([[0, 0], [0, 0]]), ("a", "b"), tmp_path / "c.png")
    assert not list(tmp_path.iterdir())


def test_loss_curves_repeat_byte_for_byte(tmp_path):
    for name in ("a.png", "b.png"):
        loss_curves(HISTORY, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert picture(tmp_path / "a.png").size


@pytest.mark.parametrize(
    "history",
    [
        HISTORY[:1],
        [{**row, "valid_uar": float("nan")} for row in HISTORY],
        [{key: value for key, value in row.items() if key != "valid_uar"} for row in HISTORY],
    ],
)
def test_loss_curves_of_odd_histories(tmp_path, history):
    loss_curves(history, tmp_path / "l.png")
    assert picture(tmp_path / "l.png").size


def test_best_epoch_of_an_error_is_the_lowest(tmp_path):
    rows = [{**row, "valid_mae": row["valid_uar"]} for row in HISTORY]
    paths = [tmp_path / "high.png", tmp_path / "low.png"]
    loss_curves(rows, paths[0], metric="uar")
    loss_curves(rows, paths[1], metric="mae")
    assert paths[0].read_bytes() != paths[1].read_bytes()


def test_reliability(tmp_path):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), 200)
    reliability_plot(probabilities, np.arange(200) % 4, tmp_path / "r.png")
    assert picture(tmp_path / "r.png").size
    reliability_plot(probabilities, np.arange(200) % 4, tmp_path / "named.png", title="voice: held out")
    # A line more above the same diagram.
    assert picture(tmp_path / "named.png").shape[0] >= picture(tmp_path / "r.png").shape[0]
    assert (tmp_path / "named.png").read_bytes() != (tmp_path / "r.png").read_bytes()


def test_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError):
        loss_curves([], tmp_path / "l.png")


def test_unwritable_place_is_a_typed_error(tmp_path):
    with pytest.raises(OutputError):
        loss_curves(HISTORY, tmp_path / "absent" / "l.png")


def test_drawing_leaves_no_figure_behind(tmp_path):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    loss_curves(HISTORY, tmp_path / "l.png")
    assert plt.get_fignums() == before


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_doubt_and_groups_are_drawn_as_png_and_svg(tmp_path, kind):
    curve = risk_coverage_curve(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]))
    risk_plot(curve, tmp_path / f"risk.{kind}")
    rows = (
        GroupScore("s1", 20, 1, 0.8, 0.7, 0.9),
        GroupScore("s2", 9, 1, float("nan"), float("nan"), float("nan")),
    )
    groups_plot(GroupReport("uar", rows, None, "by hand"), tmp_path / f"groups.{kind}", name="speaker")
    for path in (tmp_path / f"risk.{kind}", tmp_path / f"groups.{kind}"):
        head = path.read_bytes()[:5]
        assert head == (b"\x89PNG\r" if kind == "png" else b"<?xml")


def test_no_clips_and_other_endings_are_refused(tmp_path):
    empty = risk_coverage_curve(np.zeros(0, int), np.zeros((0, 2)))
    with pytest.raises(ValueError, match="no clips"):
        risk_plot(empty, tmp_path / "risk.png")
    curve = risk_coverage_curve(np.array([0]), np.array([[0.9, 0.1]]))
    with pytest.raises(OutputError, match="png, svg"):
        risk_plot(curve, tmp_path / "risk.gif")
    assert not list(tmp_path.iterdir())
