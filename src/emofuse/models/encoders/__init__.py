"""Encoders: ``(values (batch, time, dim), mask (batch, time)) -> (batch, out_dim)``.

An encoder is built as ``encoder(dim, **options)``, states its ``out_dim``, never reads padding, and
returns finite values for a row without a single valid frame. One with a ``frame_dim`` that is not None also
gives ``frames(values, mask) -> (batch, time, frame_dim)`` to fusions that work over time; there may be fewer
frames than came in, and what stands at padding means nothing.
"""

from emofuse.registry import Table

_HERE = "emofuse.models.encoders"
ENCODERS = Table(
    "encoder",
    {
        "mean": (f"{_HERE}.pooling:MeanPool", "masked mean over time, then a linear layer"),
        "frames": (
            f"{_HERE}.pooling:Frames",
            "a linear layer on each frame, for fusions that work over time",
        ),
        "mlp": (f"{_HERE}.pooling:Mlp", "masked mean over time, then a multilayer perceptron"),
        "soft_bins": (
            f"{_HERE}.soft_bins:SoftBins",
            "masked mean, learned smooth thresholds on each feature, a multilayer perceptron",
        ),
        "gru": (f"{_HERE}.recurrent:Gru", "gated recurrent units with a choice of pooling"),
        "lstm": (f"{_HERE}.recurrent:Lstm", "long short-term memory with a choice of pooling"),
        "gru_with_linear": (
            f"{_HERE}.recurrent:GruWithLinear",
            "one forward GRU and a linear layer, as the published code of the MOSI/MOSEI/SIMS thesis runs it",
        ),
        "gru_attention": (
            f"{_HERE}.gru_attention:GruAttention",
            "GRU, self-attention over time, GRU (the documented encoder of the MOSI/MOSEI/SIMS thesis)",
        ),
        "recurrent_attention": (
            f"{_HERE}.recurrent_attention:RecurrentAttention",
            "GRU or LSTM, then multi-head self-attention over its states",
        ),
        "transformer": (
            f"{_HERE}.transformer:Transformer",
            "pre-norm self-attention layers with sinusoidal positions",
        ),
        "tcn": (f"{_HERE}.tcn:Tcn", "residual blocks of dilated convolutions over time"),
        "cnn1d": (f"{_HERE}.spectrogram_cnn:Cnn1d", "convolutions over the time of a spectrogram"),
        "cnn2d": (f"{_HERE}.spectrogram_cnn:Cnn2d", "convolutions over time and bands of a spectrogram"),
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
        "pretrained_audio": (
            f"{_HERE}.pretrained_audio:PretrainedAudio",
            "a wav2vec 2.0-family encoder over raw samples, fine-tuned or frozen",
        ),
        "pretrained_image": (
            f"{_HERE}.pretrained_image:PretrainedImage",
            "a ViT-family encoder over the pixels of each frame, fine-tuned or frozen",
        ),
    },
)
