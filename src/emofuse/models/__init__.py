"""Models: ``Batch -> Output``. A builder is called as ``builder(dims, task, **options)`` with the width of
each modality's track, and returns a `Recipe`.
"""

from emofuse.registry import Table

MODELS = Table(
    "model",
    {
        "composed": (
            "emofuse.models.composed:composed",
            "an encoder for each modality, one fusion and one head, all by name",
        ),
        "gru_attention_fusion": (
            "emofuse.models.zoo.gru_attention_fusion:gru_attention_fusion",
            "GRU, self-attention, GRU for each modality; stacking and/or low-rank fusion; MLP head",
        ),
    },
)
