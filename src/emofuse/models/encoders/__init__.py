"""Encoders: ``(values (batch, time, dim), mask (batch, time)) -> (batch, out_dim)``.

An encoder is built as ``encoder(dim, **options)``, states its ``out_dim``, never reads padding, and
returns finite values for a row without a single valid frame.
"""

from emofuse.registry import Table

_HERE = "emofuse.models.encoders"
ENCODERS = Table(
    "encoder",
    {
        "mean": (f"{_HERE}.pooling:MeanPool", "masked mean over time, then a linear layer"),
        "mlp": (f"{_HERE}.pooling:Mlp", "masked mean over time, then a multilayer perceptron"),
        "gru": (f"{_HERE}.recurrent:Gru", "gated recurrent units with a choice of pooling"),
        "lstm": (f"{_HERE}.recurrent:Lstm", "long short-term memory with a choice of pooling"),
        "gru_attention": (
            f"{_HERE}.gru_attention:GruAttention",
            "GRU, self-attention over time, GRU (the documented encoder of the MOSI/MOSEI/SIMS thesis)",
        ),
        "transformer": (
            f"{_HERE}.transformer:Transformer",
            "pre-norm self-attention layers with sinusoidal positions",
        ),
        "face_cnn": (
            f"{_HERE}.face_cnn:FaceCnn",
            "small convolutional network on square grey faces, averaged over time",
        ),
        "mel_cnn": (
            f"{_HERE}.mel_cnn:MelCnn",
            "convolutional network on a log-mel spectrogram with attention pooling",
        ),
        "pretrained_text": (
            f"{_HERE}.pretrained_text:PretrainedText",
            "a BERT-family encoder from a folder or hub name, fine-tuned or frozen",
        ),
    },
)
