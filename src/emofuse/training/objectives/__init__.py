"""Objectives: ``(Output, Batch) -> scalar``, built with the task and options."""

from emofuse.registry import Table

OBJECTIVES = Table(
    "objective",
    {
        "task": (
            "emofuse.training.objectives.task:TaskLoss",
            "cross-entropy (or focal, ordinal, binary) over labels plus squared or absolute error or 1 - CCC over ratings",
        ),
    },
)
