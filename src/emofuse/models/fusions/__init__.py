"""Fusions: ``(embeddings {name: (batch, dim)}, presence {name: (batch,)}) -> (batch, out_dim)``.

A fusion is built as ``fusion(dims, **options)`` with the widths of its modalities by name, states its
``out_dim``, and works for any non-empty subset of them in each row.

A class with ``over_time = True`` is given frames ``{name: (batch, time, dim)}`` and their masks ``{name: (batch,
time)}`` instead. One with ``over_decisions = True`` is given the outputs of one head a modality ``{name: (batch,
classes + ratings)}``, takes the number of ``classes`` as a keyword, and returns the outputs. A fusion that has
``weigh(...) -> (fused, weights (batch, modalities))``, in the order of its ``dims``, says how much it took of each.
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
        "low_rank_unit": (
            f"{_HERE}.low_rank:LowRankUnit",
            "low-rank tensor fusion without weights of the ranks",
        ),
        "tensor": (
            f"{_HERE}.tensor:TensorFusion",
            "outer product of embeddings with ones (Zadeh et al. 2017)",
        ),
        "multiplicative": (
            f"{_HERE}.multiplicative:Multiplicative",
            "a linear term a modality and a bilinear one a pair (Jayakumar et al. 2020)",
        ),
        "stack_low_rank": (
            f"{_HERE}.stack_low_rank:StackLowRank",
            "stacking and low-rank fusion side by side",
        ),
        "late": (f"{_HERE}.late:Late", "one head a modality, their scores averaged over what is present"),
        "late_product": (f"{_HERE}.late_product:LateProduct", "decisions: product of probabilities"),
        "late_weighted": (
            f"{_HERE}.late_weighted:LateWeighted",
            "decisions: mean of probabilities by given weights",
        ),
        "late_learned": (
            f"{_HERE}.late_weighted:LateLearned",
            "decisions: mean of probabilities by learned weights",
        ),
        "late_stacked": (f"{_HERE}.late_stacked:LateStacked", "decisions: a small network reads them all"),
        "expert_product": (
            f"{_HERE}.expert_product:ExpertProduct",
            "decisions: log-linear pool of calibrated experts with learned weights",
        ),
        "gated": (f"{_HERE}.gated:Gated", "a sigmoid gate a modality, from all embeddings"),
        "gated_softmax": (
            f"{_HERE}.gated:GatedSoftmax",
            "a gate a modality that sum to 1 over what is present",
        ),
        "gmu": (f"{_HERE}.gmu:Gmu", "gated multimodal unit (Arevalo et al. 2017)"),
        "modality_attention": (
            f"{_HERE}.modality_attention:ModalityAttention",
            "attention over modalities as tokens, averaged",
        ),
        "early": (f"{_HERE}.early:Early", "over time: frames side by side through a GRU"),
        "hybrid": (f"{_HERE}.hybrid:Hybrid", "over time: early and late fusion side by side"),
        "co_attention": (
            f"{_HERE}.co_attention:CoAttention",
            "over time: each modality's frames ask every other's, in both directions",
        ),
        "cross_modal": (
            f"{_HERE}.cross_modal:CrossModal",
            "over time: directional cross-modal transformers (after Tsai et al. 2019)",
        ),
        "bottleneck": (
            f"{_HERE}.bottleneck:Bottleneck",
            "over time: transformers that share a few tokens (Nagrani et al. 2021)",
        ),
    },
)
