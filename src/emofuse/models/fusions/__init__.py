"""Fusions: ``(embeddings {name: (batch, dim)}, presence {name: (batch,)}) -> (batch, out_dim)``.

A fusion is built as ``fusion(dims, **options)`` with the widths of its modalities by name, states its
``out_dim``, and works for any non-empty subset of them in each row.
"""

from emofuse.registry import Table

_HERE = "emofuse.models.fusions"
FUSIONS = Table(
    "fusion",
    {
        "concat": (
            f"{_HERE}.concat:Concat",
            "embeddings side by side, a learned vector where one is absent",
        ),
        "stack": (f"{_HERE}.stack:Stack", "embeddings stacked as tokens that attend to one another"),
        "low_rank": (f"{_HERE}.low_rank:LowRank", "low-rank tensor fusion (Liu et al. 2018)"),
        "stack_low_rank": (
            f"{_HERE}.stack_low_rank:StackLowRank",
            "stacking and low-rank fusion side by side",
        ),
        "late": (f"{_HERE}.late:Late", "one head a modality, their scores averaged over what is present"),
    },
)
