"""Metrics: plain functions over numpy arrays, each declared once as a `Metric`; NaN where undefined."""

from emofuse.registry import Table

_HERE = "emofuse.evaluation.metrics"

METRICS = Table(
    "metric",
    {
        "accuracy": (f"{_HERE}.accuracy:ACCURACY", "share of clips that are named right"),
        "uar": (
            f"{_HERE}.recall:UAR",
            "unweighted average recall: mean recall over the classes that occur",
        ),
        "weighted_f1": (f"{_HERE}.f1:WEIGHTED_F1", "F1 averaged over classes by how often each occurs"),
        "macro_f1": (f"{_HERE}.f1:MACRO_F1", "F1 averaged over classes, each counting the same"),
        "multilabel_macro_f1": (
            f"{_HERE}.f1:MULTILABEL_MACRO_F1",
            "macro F1 where a clip may carry several labels, probability >= 0.3",
        ),
        "mae": (f"{_HERE}.rating_error:MAE", "mean absolute error of a rating"),
        "mse": (f"{_HERE}.rating_error:MSE", "mean squared error of a rating"),
        "pearson": (f"{_HERE}.correlation:PEARSON", "Pearson correlation of a rating"),
        "ccc": (f"{_HERE}.correlation:CCC", "concordance correlation coefficient of a rating (Lin 1989)"),
        "ece": (
            f"{_HERE}.calibration_error:ECE",
            "expected calibration error of the top label, 15 equal-width bins (Guo et al. 2017)",
        ),
        "brier": (
            f"{_HERE}.proper_scores:BRIER",
            "squared distance of the probabilities from the truth, 0 to 2",
        ),
        "nll": (f"{_HERE}.proper_scores:NLL", "negative log-likelihood of the true label, in nats"),
    },
)
