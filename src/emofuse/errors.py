"""One error tree; everything a caller may want to catch is an `EmofuseError`.

EmofuseError
├── InputError              a file or value that the user gave cannot be used
│   ├── MediaError          media: missing, empty, truncated, not what its name says
│   │   └── ClipTooShortError   shorter than one analysis window
│   ├── TranscriptError     a transcript that cannot be read
│   ├── DatasetError        a corpus whose layout, labels or counts are not the published ones
│   ├── FeatureError        a feature that is not finite, or of a wrong shape
│   ├── MissingModalityError    nothing to work on: no modality is present
│   ├── ConfigError         a configuration that does not hold
│   │   └── UnknownNameError    no such name or key; the message names the nearest
│   └── BundleError         a bundle that is damaged, newer than this version, or incomplete
├── OutputError             a result that cannot be written
└── MissingExtraError       an optional package is not installed; the message names the extra
"""


class EmofuseError(Exception):
    """Root of the tree; the command line shows its message in one line and exits with 2."""


class InputError(EmofuseError):
    """A file or value that the user gave cannot be used."""


class MediaError(InputError):
    """A media file is missing, empty, truncated, or not what its name says."""


class ClipTooShortError(MediaError):
    """A clip is shorter than one analysis window."""


class TranscriptError(InputError):
    """A transcript cannot be read."""


class DatasetError(InputError):
    """A corpus does not have the published layout, labels or counts."""


class FeatureError(InputError):
    """A feature is not finite, or has a wrong shape."""


class MissingModalityError(InputError):
    """No modality that the model knows is present."""


class ConfigError(InputError):
    """A configuration does not hold; the message gives the path of the mistake."""


class UnknownNameError(ConfigError):
    """No entry or key of that name; the message names the nearest."""


class DivergedError(ConfigError):
    """A training's outputs are not finite any more; the message names the learning rate."""


class BundleError(InputError):
    """A bundle is damaged, incomplete, or was written by a newer version."""


class OutputError(EmofuseError):
    """A result cannot be written where it was asked for."""


class MissingExtraError(EmofuseError):
    """An optional package is needed; the message names the extra that brings it."""
