"""One set of operations for augmentation in training and for robustness in evaluation.

Every perturbation has a ``strength`` from 0 (nothing changes) to 1 (the full range that its docstring
names) and a ``kind``: ``"signal"`` maps a `Signal`, ``"words"`` a str and ``"picture"`` uint8 pixels
``(height, width[, 3])`` with a `numpy.random.Generator`, ``"batch"`` maps a `Batch` with a
`torch.Generator`. The same generator state gives the same result.
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
        "codec": (
            "emofuse.perturbations.transmission:Codec",
            "coded and decoded again: Opus, MP3, or mu-law of a telephone",
        ),
        "packet_loss": ("emofuse.perturbations.transmission:PacketLoss", "packets of 20 ms lost in bursts"),
        "sample_drop": (
            "emofuse.perturbations.transmission:SampleDrop",
            "single samples, or short runs of them, set to zero",
        ),
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
        "white_noise": (
            "emofuse.perturbations.sensors:WhiteNoise",
            "one number on all features of a frame, or of a clip",
        ),
        "random_drop": ("emofuse.perturbations.sensors:RandomDrop", "single entries of frames set to zero"),
        "structured_drop": (
            "emofuse.perturbations.sensors:StructuredDrop",
            "whole frames, or whole clips, set to zero",
        ),
        "thesis_noise": (
            "emofuse.perturbations.sensors:ThesisNoise",
            "the noise on series of the thesis: a number a clip, and clips of zeros",
        ),
        "misalign": (
            "emofuse.perturbations.sensors:Misalign",
            "one modality ahead of or behind the others",
        ),
        "missing_modality": (
            "emofuse.perturbations.missing:MissingModality",
            "named modalities absent together",
        ),
        "missing_frames": (
            "emofuse.perturbations.missing:MissingFrames",
            "frames of any modality missing at a rate",
        ),
        "tabular_drop": (
            "emofuse.perturbations.tabular:TabularDrop",
            "entries of feature vectors lost throughout a clip",
        ),
        "tabular_swap": (
            "emofuse.perturbations.tabular:TabularSwap",
            "neighbouring entries of feature vectors in each other's place",
        ),
        "text_noise": (
            "emofuse.perturbations.text:TextNoise",
            "letters swapped, doubled, left out, mistyped",
        ),
        "swap_letter": (
            "emofuse.perturbations.text:SwapLetter",
            "two inner letters of longer words swapped",
        ),
        "random_mid": ("emofuse.perturbations.text:RandomMid", "longer words shuffled but for their ends"),
        "qwerty_typo": (
            "emofuse.perturbations.text:QwertyTypo",
            "a letter of longer words replaced by its neighbour on the keyboard",
        ),
        "sticky_keys": ("emofuse.perturbations.text:StickyKeys", "a character of longer words doubled"),
        "omission": ("emofuse.perturbations.text:Omission", "an inner character of longer words left out"),
        "blur": ("emofuse.perturbations.light:Blur", "pictures out of focus"),
        "jpeg": ("emofuse.perturbations.light:Jpeg", "pictures compressed"),
        "occlusion": ("emofuse.perturbations.views:Occlusion", "part of a picture hidden"),
        "dark": ("emofuse.perturbations.light:Dark", "pictures with little light"),
        "grayscale": ("emofuse.perturbations.light:Grayscale", "pictures without colour"),
        "low_contrast": ("emofuse.perturbations.light:LowContrast", "pictures with little contrast"),
        "inversion": ("emofuse.perturbations.light:Inversion", "pictures as negatives"),
        "white_balance": (
            "emofuse.perturbations.light:WhiteBalance",
            "pictures in the light of another colour temperature",
        ),
        "colorize": ("emofuse.perturbations.light:Colorize", "pictures tinted red, green or blue"),
        "salt_and_pepper": ("emofuse.perturbations.light:SaltAndPepper", "single pixels white or black"),
        "pixel_noise": ("emofuse.perturbations.light:PixelNoise", "gaussian noise on pixels"),
        "rotation": ("emofuse.perturbations.views:Rotation", "pictures turned"),
        "horizontal_flip": (
            "emofuse.perturbations.views:HorizontalFlip",
            "pictures mirrored left to right",
        ),
        "vertical_flip": ("emofuse.perturbations.views:VerticalFlip", "pictures upside down"),
        "random_crop": ("emofuse.perturbations.views:RandomCrop", "a random part of a picture enlarged"),
    },
)
