"""One set of operations for augmentation in training and for robustness in evaluation.

Every perturbation has a ``strength`` from 0 (nothing changes) to 1 (the full range that its docstring
names) and a ``kind``: ``"signal"`` maps a `Signal` and ``"words"`` a str with a `numpy.random.Generator`,
``"batch"`` maps a `Batch` with a `torch.Generator`. The same generator state gives the same result.
"""

from emofuse.registry import Table

PERTURBATIONS = Table(
    "perturbation",
    {
        "noise": ("emofuse.perturbations.audio:Noise", "white, pink or babble-like noise"),
        "gain": ("emofuse.perturbations.audio:Gain", "louder or softer"),
        "clip": ("emofuse.perturbations.audio:Clip", "peaks cut off, as by an overdriven microphone"),
        "reverb": ("emofuse.perturbations.rooms:Reverb", "a synthetic room"),
        "bandpass": ("emofuse.perturbations.rooms:Bandpass", "the band of a telephone line"),
        "equaliser": ("emofuse.perturbations.rooms:Equaliser", "the colour of another microphone"),
        "speed": ("emofuse.perturbations.tempo:Speed", "faster or slower, pitch included"),
        "stretch": ("emofuse.perturbations.tempo:Stretch", "faster or slower at the same pitch"),
        "pitch": ("emofuse.perturbations.tempo:Pitch", "higher or lower at the same tempo"),
        "recording": ("emofuse.perturbations.recording:Recording", "all of the above, each now and then"),
        "spec_augment": ("emofuse.perturbations.spectrogram:SpecAugment", "times and bands blanked out"),
        "face_warp": ("emofuse.perturbations.image:FaceWarp", "faces turned, moved, relit, partly hidden"),
        "feature_noise": ("emofuse.perturbations.series:FeatureNoise", "gaussian noise on feature tracks"),
        "drop_modality": ("emofuse.perturbations.batch:DropModality", "whole modalities missing"),
        "swap_partners": (
            "emofuse.perturbations.batch:SwapPartners",
            "modalities paired anew among clips of one label",
        ),
        "drop_frames": ("emofuse.perturbations.batch:DropFrames", "single frames missing"),
        "drop_words": ("emofuse.perturbations.batch:DropWords", "token ids replaced by the mask id"),
        "text_noise": (
            "emofuse.perturbations.text:TextNoise",
            "letters swapped, doubled, left out, mistyped",
        ),
    },
)
