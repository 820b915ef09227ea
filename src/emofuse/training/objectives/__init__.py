"""Objectives: ``(Output, Batch) -> scalar``, built with the task and options."""

from emofuse.registry import Table

OBJECTIVES = Table(
    "objective",
    {
        "task": (
            "emofuse.training.objectives.task:TaskLoss",
            "cross-entropy over labels plus squared error or 1 - CCC over ratings, where known",
        ),
    },
)
