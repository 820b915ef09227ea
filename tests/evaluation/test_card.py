"""The card states what it was given, says what is unknown, and never leaves out the limits of use."""

import numpy as np

from emofuse.evaluation.card import CardFacts, DataSource, model_card
from emofuse.types import Report, Score


def report():
    per_class = {
        "joy": {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "n": 1234},
        "fear": {"precision": float("nan"), "recall": 0.0, "f1": 0.0, "n": 2},
    }
    scores = (Score("uar", 0.61234, 0.58, 0.64), Score("ece", 0.03, float("nan"), float("nan")))
    return Report(
        1236, 20, "95 % cluster bootstrap over 20 groups", scores, np.eye(2, dtype=int), per_class
    )


def facts(**changes):
    given = {
        "name": "face expert",
        "version": "1",
        "task": "seven emotions",
        "inputs": ("video",),
        "data": (DataSource("FER2013", "Goodfellow et al. 2013", "research only", "training"),),
        "protocol": "official split",
        "seeds": (0, 1, 2),
        "reports": {"test": report()},
        "calibration": ("Temperature 1.3.",),
        "limits": ("Acted faces only.",),
        "licence": "non-commercial",
    }
    return CardFacts(**(given | changes))


def test_card_states_every_fact():
    card = model_card(facts())
    wanted = (
        "# face expert 1",
        "seven emotions",
        "Goodfellow et al. 2013",
        "research only",
        "official split",
        "0, 1, 2",
        "| uar | 0.612 | 0.580 to 0.640 |",
        "| joy | 0.500 | 0.250 | 0.333 | 1,234 |",
        "| fear | - | 0.000 | 0.000 | 2 |",
        "Temperature 1.3.",
        "Acted faces only.",
        "non-commercial",
        "1,236 clips, 20 groups",
    )
    assert [one for one in wanted if one not in card] == []
    assert "nan" not in card


def test_pictures_stand_under_calibration():
    card = model_card(facts(pictures={"voice [held | out]": "voice.png"}))
    part = card[card.index("## Calibration") : card.index("## Limits")]
    assert part.rstrip().endswith("![voice (held \\| out)](voice.png)")
    assert "![" not in model_card(facts())


def test_empty_facts_still_carry_the_limits_of_use():
    card = model_card(CardFacts("x"))
    for words in (
        "Art. 5(1)(f)",
        "Art. 50(3)",
        "expression is not inner state",
        "Any decision about a person",
    ):
        assert words in card
    assert card.count("not stated") >= 4
    assert card.endswith("\n")


def test_headings_stand_in_a_fixed_order():
    headings = [line for line in model_card(facts()).splitlines() if line.startswith("#")]
    assert headings == [
        "# face expert 1",
        "## What it does",
        "## Data",
        "## How it was tested",
        "### Scores on test",
        "## Calibration",
        "## Limits",
        "## What it may be used for",
        "## What it must not be used for",
    ]


def test_text_cannot_break_out_of_its_table():
    card = model_card(facts(data=(DataSource("a|b", "line one\n# not a heading"),)))
    assert "a\\|b" in card
    assert not any(line.startswith("# not") for line in card.splitlines())
