"""Models: ``Batch -> Output``. A builder is called as ``builder(dims, task, **options)`` with the width of
each modality's track, and returns a `Recipe`.
"""

from emofuse.registry import Table

MODELS = Table(
    "model",
    {
        "committee": (
            "emofuse.models.zoo.committee:committee",
            "recommended: small members that read frames in order or summed up, averaged",
        ),
        "composed": (
            "emofuse.models.composed:composed",
            "an encoder for each modality, one fusion and one head, all by name",
        ),
        "gru_attention_fusion": (
            "emofuse.models.zoo.gru_attention_fusion:gru_attention_fusion",
            "GRU, self-attention, GRU for each modality; stacking and/or low-rank fusion; MLP head",
        ),
        "mlf_dnn": (
            "emofuse.models.zoo.mlf_dnn:mlf_dnn",
            "late fusion with a head for each modality's own label (Yu et al. 2020)",
        ),
        "mlmf": (
            "emofuse.models.zoo.mlmf:mlmf",
            "low-rank fusion with a head for each modality's own label (Yu et al. 2020)",
        ),
        "ef_lstm": (
            "emofuse.models.zoo.ef_lstm:ef_lstm",
            "modalities joined frame by frame, one LSTM, a perceptron (early-fusion baseline)",
        ),
        "lf_lstm": (
            "emofuse.models.zoo.lf_lstm:lf_lstm",
            "an LSTM for each modality, last states joined, a perceptron (late-fusion baseline)",
        ),
        "lf_dnn": (
            "emofuse.models.zoo.lf_dnn:lf_dnn",
            "an LSTM over the main modality, perceptrons on the others' means, joined (MMSA's baseline)",
        ),
        "ef_transformer": (
            "emofuse.models.zoo.ef_transformer:ef_transformer",
            "modalities joined frame by frame, one transformer, a perceptron",
        ),
        "lf_transformer": (
            "emofuse.models.zoo.lf_transformer:lf_transformer",
            "a transformer for each modality, joined, a perceptron",
        ),
        "tfn": (
            "emofuse.models.zoo.tfn:tfn",
            "tensor fusion network (Zadeh et al. 2017): the outer product of all modalities",
        ),
        "lmf": (
            "emofuse.models.zoo.lmf:lmf",
            "low-rank multimodal fusion (Liu et al. 2018), straight to the outputs",
        ),
        "mtfn": (
            "emofuse.models.zoo.mtfn:mtfn",
            "tensor fusion with a head for each modality's own label (Yu et al. 2020)",
        ),
        "mfn": (
            "emofuse.models.zoo.mfn:mfn",
            "memory fusion network (Zadeh et al. 2018): an LSTM a modality, attention over their cells, a gated memory",
        ),
        "graph_mfn": (
            "emofuse.models.zoo.graph_mfn:graph_mfn",
            "MFN with a dynamic fusion graph (Zadeh et al. 2018, CMU-MOSEI)",
        ),
        "misa": (
            "emofuse.models.zoo.misa:misa",
            "modality-invariant and -specific representations (Hazarika et al. 2020)",
        ),
        "mult": (
            "emofuse.models.zoo.mult:mult",
            "multimodal transformer (Tsai et al. 2019): each modality attends to each other, at their own lengths",
        ),
        "blstm": (
            "emofuse.models.zoo.blstm:blstm",
            "bidirectional LSTM classifiers, logits averaged (IEMOCAP, after Aguilar et al. 2019)",
        ),
        "mm_b": (
            "emofuse.models.zoo.mm_b:mm_b",
            "BLSTMs trained alone, then together under the sum of their classifiers",
        ),
        "mmmla": (
            "emofuse.models.zoo.mmmla:mmmla",
            "attention over frames and a gated multimodal unit, after training alone (after Aguilar et al. 2019)",
        ),
        "gru_fusion_as_coded": (
            "emofuse.models.zoo.gru_fusion_as_coded:gru_fusion_as_coded",
            "the MOSI/MOSEI/SIMS thesis as its code runs it, with the fusion weights registered",
        ),
        "upc_mlp": (
            "emofuse.models.zoo.upc_mlp:upc_mlp",
            "learned word vectors, their mean, a perceptron (student project on MELD)",
        ),
        "upc_rnn": (
            "emofuse.models.zoo.upc_rnn:upc_rnn",
            "learned word vectors or frames, two bidirectional LSTM layers, the mean (student project on MELD)",
        ),
        "upc_transformer": (
            "emofuse.models.zoo.upc_transformer:upc_transformer",
            "learned word vectors, two transformer layers, the mean (student project on MELD)",
        ),
        "upc_speech_cnn": (
            "emofuse.models.zoo.upc_speech_cnn:upc_speech_cnn",
            "convolutions on a spectrogram, averaged (student project on MELD)",
        ),
        "upc_dialogue": (
            "emofuse.models.zoo.upc_dialogue:upc_dialogue",
            "an LSTM over the turns of a conversation for each modality (student project on MELD)",
        ),
        "upc_multimodal": (
            "emofuse.models.zoo.upc_multimodal:upc_multimodal",
            "an LSTM over what the dialogue LSTMs say of each turn, in two stages or joint (student project on MELD)",
        ),
        "self_mm": (
            "emofuse.models.zoo.self_mm:self_mm",
            "labels of single modalities that the model generates itself (Yu et al. 2021)",
        ),
        "mmim": (
            "emofuse.models.zoo.mmim:mmim",
            "mutual information kept between modalities and with what is fused (Han et al. 2021)",
        ),
        "cubemlp": (
            "emofuse.models.zoo.cubemlp:cubemlp",
            "CubeMLP (Sun et al. 2022): perceptrons along frames, modalities and features in turn",
        ),
        "almt": (
            "emofuse.models.zoo.almt:almt",
            "a hyper-modality guided by the main one (Zhang et al. 2023)",
        ),
        "mag_bert": (
            "emofuse.models.zoo.mag_bert:mag_bert",
            "a gate inside a transformer by which other modalities shift each token (Rahman et al. 2020)",
        ),
        "mctn": (
            "emofuse.models.zoo.mctn:mctn",
            "a joint embedding from translating one modality into the others and back (Pham et al. 2019)",
        ),
        "mfm": (
            "emofuse.models.zoo.mfm:mfm",
            "factors that generate each modality and one that tells the label (Tsai et al. 2019)",
        ),
        "tfr_net": (
            "emofuse.models.zoo.tfr_net:tfr_net",
            "cross-modal attention that rebuilds randomly missing frames (Yuan et al. 2021)",
        ),
        "cenet": (
            "emofuse.models.zoo.cenet:cenet",
            "a language model enhanced between its layers by what its tokens find in the others (Wang et al. 2022)",
        ),
        "tetfn": (
            "emofuse.models.zoo.tetfn:tetfn",
            "cross-modal transformers of pairs, those without the main modality through it (Wang et al. 2023)",
        ),
    },
)
