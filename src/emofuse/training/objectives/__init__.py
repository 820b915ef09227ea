"""Objectives: ``(Output, Batch) -> scalar``, built with the task and options."""

from emofuse.registry import Table

OBJECTIVES = Table(
    "objective",
    {
        "task": (
            "emofuse.training.objectives.task:TaskLoss",
            "cross-entropy, focal, ordinal or binary over labels plus an error or 1 - CCC over ratings",
        ),
    },
)
