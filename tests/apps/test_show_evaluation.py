"""What the commands print of an evaluation: every part in plain lines, in order."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from emofuse.apps.show import show_reports
from emofuse.apps.show_evaluation import show_costs, show_evaluation, show_explanation
from emofuse.assessment import Wanted, assess, bundle_costs
from emofuse.evaluation.complexity import Plan
from emofuse.inference.explanation import Explanation, ModalityShare, Part, SegmentExplanation
from emofuse.inference.result import BundleName
from emofuse.scrutiny import OpenedRun
from emofuse.types import Report, Score


def printed(show, *given):
    out = io.StringIO()
    show(*given, Console(file=out, width=40, highlight=False, markup=False))
    return out.getvalue()


def test_an_evaluation_is_told_from_scores_to_notes(tone_runs):
    found = assess(OpenedRun(tone_runs[0]), Wanted(explain=True))
    text = printed(show_evaluation, found)
    parts = ["valid: 12 clips", "test: 12 clips", "calibration error", "sets for 90%, threshold one for all",
             "largest gap by speaker", "shares of the modalities: audio", "deletion of frames"]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    shares = found.modalities.shares()
    assert f"audio {shares[0]:.1%}, voice {shares[1]:.1%}" in text
    assert np.isclose(shares.sum(), 1)


def test_long_names_of_metrics_keep_the_columns():
    names = ("ece", "multilabel_hamming_loss")
    scores = tuple(Score(name, 0.5, 0.25, 0.75) for name in names)
    text = printed(show_reports, {"test": Report(8, 2, "by hand", scores, np.zeros((0, 0)), {})})
    assert len({line.index("0.5000") for line in text.splitlines() if "0.5000" in line}) == 1


def test_groups_that_are_too_small_are_told_as_such(tone_runs):
    found = assess(OpenedRun(tone_runs[0]))
    small = {name: replace(one, gap=None) for name, one in found.diagnosis.groups.items()}
    text = printed(show_evaluation, replace(found, diagnosis=replace(found.diagnosis, groups=small)))
    assert "largest gap by speaker, accuracy: no two groups are large enough" in text


def test_costs_are_one_fact_a_line(tone_runs):
    plan = Plan(runs=2, warm_up=0, batch_sizes=(4,), lengths=(4, 8), counts=(), energy_s=0.0)
    text = printed(show_costs, bundle_costs(tone_runs[0], plan=plan, frames=5))
    lines = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert "audio 5, voice 5" in text and "a bundle does not tell" in text
    assert "exponent" in lines["time_s"] and lines["clips"].startswith("a second, 4 a batch")


@pytest.fixture
def explained():
    words = (Part(0.0, 0.5, "glad", 1.5, 1.0), Part(0.5, 1.0, "[b]not", -0.5, -0.4))
    shares = {
        "text": ModalityShare(True, 1.0, 0.6, {"joy": 1.0}, parts=words),
        "video": ModalityShare(False, 0.0, 0.0, None, reason="no face found"),
    }
    timed = SegmentExplanation(0.0, 1.0, "glad [b]not", None, "joy", 0.5, -0.5, {"joy": 1.0}, shares)
    untimed = SegmentExplanation(0.0, 0.0, None, None, "joy", 0.5, -0.5, {"joy": 1.0}, {})
    return Explanation(
        "talk.mp4", 1.0, ("joy",), "log_odds", "the prior", (timed, untimed), ("too dark",), ("estimated",),
        BundleName("b", "1", ""),
    )  # fmt: skip


def test_an_explanation_names_its_modalities_and_words(explained):
    lines = printed(show_explanation, explained).splitlines()
    assert lines[0] == "talk.mp4: log-odds, counted from the prior"
    assert lines[1] == "0.00 to 1.00 s  joy  +0.500 = -0.500 from nothing"
    assert lines[2] == "  text     +1.000  weight 60%   glad +1.50, [b]not -0.50"
    assert lines[3] == "  video    absent: no face found"
    assert lines[4].startswith("part 2  joy")
    assert lines[5:] == ["note: estimated", "note: too dark"]
