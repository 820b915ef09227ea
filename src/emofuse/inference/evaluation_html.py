"""The evaluation of a run as one self-contained HTML page: tables and inline figures, nothing from the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emofuse.evaluation.attribution import ModalityAttribution
from emofuse.evaluation.charts import clean
from emofuse.evaluation.complexity import Complexity
from emofuse.evaluation.diagnosis import Diagnosis
from emofuse.evaluation.faithfulness import Faithfulness
from emofuse.evaluation.robustness_study import Study
from emofuse.inference.evaluation_sections import (
    calibration_card,
    classes_card,
    doubt_card,
    groups_card,
    scores_card,
    training_card,
)
from emofuse.inference.measurement_sections import complexity_card, explanation_card, robustness_card
from emofuse.inference.page import page
from emofuse.types import Report

Row = Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All that is known of a run; what was not measured is None or empty, and its part of the page is left out.

    ``facts`` are shown below the title, ``verdict`` is what the audit says of the data and
    ``findings`` what it found; ``metric`` is the one that
    groups and robustness are told by, ``history`` has a row an epoch, of which ``best_epoch`` (from 0) was chosen.
    """

    title: str
    about: str
    facts: Mapping[str, str]
    verdict: str
    findings: Sequence[str]
    metric: str
    reports: Mapping[str, Report]
    diagnosis: Diagnosis
    history: Sequence[Row] = ()
    best_epoch: int = 0
    study: Study | None = None
    complexity: Sequence[Complexity] = ()
    modalities: ModalityAttribution | None = None
    faithfulness: Faithfulness | None = None
    notes: Sequence[str] = ()

    @property
    def shown(self) -> str:
        """The role whose figures are drawn."""
        return "test" if "test" in self.reports else "valid"


def evaluation_html(found: Evaluation) -> str:
    """The page as text, to be written as UTF-8."""
    report = found.reports[found.shown]
    labels = tuple(report.per_class)
    cards = [
        ("Scores", scores_card(found.reports, found.metric)),
        ("Classes", classes_card(report, found.diagnosis.counts, found.shown)),
        ("Training", training_card(found.history, found.best_epoch)),
        ("Calibration", calibration_card(found.diagnosis.calibration, found.shown)),
        ("Doubt", doubt_card(found.diagnosis, labels, clips=report.n)),
        ("Groups", groups_card(found.diagnosis.groups)),
        ("Robustness", robustness_card(found.study)),
        ("Modalities", explanation_card(found.modalities, found.faithfulness, labels)),
        ("Cost", complexity_card(found.complexity)),
    ]
    return page(
        found.title, _head(found), [(name, card) for name, card in cards if card], notes=found.notes
    )


def _head(found: Evaluation) -> str:
    rows = "".join(
        f"<dt>{clean(name)}</dt><dd>{clean(value)}</dd>" for name, value in found.facts.items() if value
    )
    lines = "".join(f"<li>{clean(one)}</li>" for one in found.findings)
    listed = f'<ul class="verdict-list">{lines}</ul>' if lines else ""
    sound = " warnings" if found.verdict and "nothing found" not in found.verdict else ""
    verdict = (
        f'<section class="card{sound}" aria-label="Audit"><p class="verdict-line"><b>Data</b> · '
        f"{clean(found.verdict)}</p>{listed}</section>\n"
        if found.verdict
        else ""
    )
    about = f'<p class="facts">{clean(found.about)}</p>' if found.about else ""
    return f'{about}<section class="card" aria-label="The run"><dl class="facts-list">{rows}</dl></section>\n{verdict}'
