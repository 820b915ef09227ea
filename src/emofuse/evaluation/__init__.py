"""Predictions in, a `Report` out: metrics, intervals, tests, calibration, plots and the model card."""

from emofuse.evaluation.metrics import METRICS
from emofuse.evaluation.report import evaluate, report_table, report_to_dict

__all__ = ["METRICS", "evaluate", "report_table", "report_to_dict"]
