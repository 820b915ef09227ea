"""Metrics: plain functions over numpy arrays, each declared once as a `Metric`; NaN where undefined."""

from emofuse.registry import Table

_HERE = "emofuse.evaluation.metrics"

METRICS = Table(
    "metric",
    {
        "accuracy": (f"{_HERE}.accuracy:ACCURACY", "share of clips that are named right"),
        "wa": (f"{_HERE}.accuracy:WA", "the accuracy, as speech emotion papers call it: weighted accuracy"),
        "uar": (
            f"{_HERE}.recall:UAR",
            "unweighted average recall: mean recall over the classes that occur",
        ),
        "ua": (f"{_HERE}.recall:UA", "the unweighted average recall, as speech emotion papers call it"),
        "emotion_recognition_rate": (
            f"{_HERE}.recall:EMOTION_RECOGNITION_RATE",
            "mean over the emotions that occur of the share that is recognised (as uar)",
        ),
        "weighted_f1": (f"{_HERE}.f1:WEIGHTED_F1", "F1 averaged over classes by how often each occurs"),
        "macro_f1": (f"{_HERE}.f1:MACRO_F1", "F1 averaged over classes, each counting the same"),
        "micro_f1": (f"{_HERE}.f1:MICRO_F1", "F1 of all classes counted together, equal to accuracy"),
        "weighted_precision": (
            f"{_HERE}.precision_recall:WEIGHTED_PRECISION",
            "precision averaged over classes by how often each occurs",
        ),
        "macro_precision": (
            f"{_HERE}.precision_recall:MACRO_PRECISION",
            "precision averaged over classes, each counting the same",
        ),
        "weighted_recall": (
            f"{_HERE}.precision_recall:WEIGHTED_RECALL",
            "recall averaged over classes by how often each occurs, equal to accuracy",
        ),
        "macro_recall": (
            f"{_HERE}.precision_recall:MACRO_RECALL",
            "recall averaged over the classes that occur or are predicted",
        ),
        "top2_accuracy": (
            f"{_HERE}.top_k:TOP2_ACCURACY",
            "share of clips whose class is among the best two",
        ),
        "top3_accuracy": (
            f"{_HERE}.top_k:TOP3_ACCURACY",
            "share of clips whose class is among the best three",
        ),
        "auprc": (
            f"{_HERE}.ranking:AUPRC",
            "average precision of each class against the rest, mean over the classes that occur",
        ),
        "auroc": (
            f"{_HERE}.ranking:AUROC",
            "area under the ROC curve of each class against the rest, mean over the classes that occur",
        ),
        "multilabel_macro_f1": (
            f"{_HERE}.multilabel:MULTILABEL_MACRO_F1",
            "macro F1 where a clip may carry several labels, probability >= 0.3",
        ),
        "multilabel_micro_f1": (
            f"{_HERE}.multilabel:MULTILABEL_MICRO_F1",
            "F1 over all pairs of clip and label, probability >= 0.3",
        ),
        "multilabel_subset_accuracy": (
            f"{_HERE}.multilabel:MULTILABEL_SUBSET_ACCURACY",
            "share of clips whose whole set of labels is found, probability >= 0.3",
        ),
        "multilabel_hamming_loss": (
            f"{_HERE}.multilabel:MULTILABEL_HAMMING_LOSS",
            "share of wrong pairs of clip and label, probability >= 0.3",
        ),
        "multilabel_jaccard": (
            f"{_HERE}.multilabel:MULTILABEL_JACCARD",
            "labels in both sets over labels in either, mean over clips, probability >= 0.3",
        ),
        "mae": (f"{_HERE}.rating_error:MAE", "mean absolute error of a rating"),
        "mse": (f"{_HERE}.rating_error:MSE", "mean squared error of a rating"),
        "pearson": (f"{_HERE}.correlation:PEARSON", "Pearson correlation of a rating"),
        "spearman": (f"{_HERE}.ranking:SPEARMAN", "Spearman correlation of a rating: of its ranks"),
        "ccc": (f"{_HERE}.correlation:CCC", "concordance correlation coefficient of a rating (Lin 1989)"),
        "acc2_non0": (f"{_HERE}.binned:ACC2_NON0", "> 0 against the rest, clips rated exactly 0 left out"),
        "acc2_has0": (f"{_HERE}.binned:ACC2_HAS0", ">= 0 against < 0, over all clips"),
        "acc2_le0": (f"{_HERE}.binned:ACC2_LE0", "> 0 against <= 0, over all clips"),
        "acc2_positive": (
            f"{_HERE}.binned:ACC2_POSITIVE",
            "acc2_le0 under the name of work that trains on the class `rating > 0`",
        ),
        "f1_non0": (f"{_HERE}.binned:F1_NON0", "weighted F1 of the two classes of acc2_non0"),
        "f1_has0": (f"{_HERE}.binned:F1_HAS0", "weighted F1 of the two classes of acc2_has0"),
        "f1_le0": (f"{_HERE}.binned:F1_LE0", "weighted F1 of the two classes of acc2_le0"),
        "f1_positive": (f"{_HERE}.binned:F1_POSITIVE", "weighted F1 of the two classes of acc2_positive"),
        "f1_non0_binary": (f"{_HERE}.binned:F1_NON0_BINARY", "F1 of the positive class of acc2_non0 alone"),
        "f1_has0_binary": (f"{_HERE}.binned:F1_HAS0_BINARY", "F1 of the class >= 0 of acc2_has0 alone"),
        "f1_le0_binary": (f"{_HERE}.binned:F1_LE0_BINARY", "F1 of the positive class of acc2_le0 alone"),
        "acc3": (f"{_HERE}.binned:ACC3", "ratings clipped to -1 .. 1 and rounded, halves to even"),
        "acc5": (f"{_HERE}.binned:ACC5", "ratings clipped to -2 .. 2 and rounded, halves to even"),
        "acc7": (f"{_HERE}.binned:ACC7", "ratings clipped to -3 .. 3 and rounded, halves to even"),
        "acc7_cmu": (f"{_HERE}.binned:ACC7_CMU", "ratings rounded away from 0: only exactly 0 is neutral"),
        "acc7_split7": (
            f"{_HERE}.binned:ACC7_SPLIT7",
            "acc7_cmu with ratings beyond -3 .. 3 cut to their whole part, as a published thesis has it",
        ),
        "acc2_sims": (f"{_HERE}.binned:ACC2_SIMS", "CH-SIMS: > 0 against <= 0"),
        "f1_sims": (f"{_HERE}.binned:F1_SIMS", "CH-SIMS: weighted F1 of the two classes of acc2_sims"),
        "acc3_sims": (f"{_HERE}.binned:ACC3_SIMS", "CH-SIMS: three classes, cut at -0.1 and 0.1"),
        "acc5_sims": (f"{_HERE}.binned:ACC5_SIMS", "CH-SIMS: five classes, cut at -0.7, -0.1, 0.1 and 0.7"),
        "mae_sims": (f"{_HERE}.clipped:MAE_SIMS", "CH-SIMS: mean absolute error after clipping to -1 .. 1"),
        "pearson_sims": (
            f"{_HERE}.clipped:PEARSON_SIMS",
            "CH-SIMS: Pearson correlation after clipping to -1 .. 1",
        ),
        "auprc_positive": (
            f"{_HERE}.ranking:AUPRC_POSITIVE",
            "average precision of a rating above 0, clips ordered by the predicted rating",
        ),
        "ece": (
            f"{_HERE}.calibration_error:ECE",
            "expected calibration error of the top label, 15 equal-width bins (Guo et al. 2017)",
        ),
        "classwise_ece": (
            f"{_HERE}.calibration_error:CLASSWISE_ECE",
            "expected calibration error of every class, mean over the classes (Kull et al. 2019)",
        ),
        "brier": (
            f"{_HERE}.proper_scores:BRIER",
            "squared distance of the probabilities from the truth, 0 to 2",
        ),
        "nll": (f"{_HERE}.proper_scores:NLL", "negative log-likelihood of the true label, in nats"),
        "aurc": (
            f"{_HERE}.selective_risk:AURC",
            "mean error over all shares of clips that are answered, surest first",
        ),
    },
)
