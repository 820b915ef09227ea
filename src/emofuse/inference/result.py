"""What `recognize` says of one clip: the JSON result, whose names are the attributes' names.

Times are seconds, probabilities sum to 1, valence and arousal lie in [-1, 1] or are None. What is
estimated is the emotion that is expressed, not the inner state of a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from emofuse.errors import InputError


@dataclass(frozen=True)
class ModalityEvidence:
    """What one modality says of one segment.

    ``weight`` is its share in the fused probabilities, 0 where it is absent; ``reason`` says why it is
    absent; ``quality`` in [0, 1] is how far its material can be trusted (for faces, the share of the
    sampled frames that show one), None where it is not measured.
    """

    present: bool
    probabilities: Mapping[str, float] | None
    weight: float
    reason: str | None = None
    valence: float | None = None
    arousal: float | None = None
    quality: float | None = None


@dataclass(frozen=True)
class SegmentEmotion:
    """The fused estimate for ``[start_s, end_s)``; both are 0 in a picture and in text without a clock."""

    start_s: float
    end_s: float
    text: str | None
    speaker: str | None
    label: str
    confidence: float
    probabilities: Mapping[str, float]
    valence: float | None
    arousal: float | None
    modalities: Mapping[str, ModalityEvidence]


@dataclass(frozen=True)
class ClipEmotion:
    """The whole clip: the mean over the segments that have evidence, each by its duration."""

    label: str
    confidence: float
    probabilities: Mapping[str, float]
    valence: float | None
    arousal: float | None


@dataclass(frozen=True)
class BundleName:
    """Which trained model spoke."""

    name: str
    version: str
    digest: str = ""


@dataclass(frozen=True)
class Result:
    """One clip's emotions over time.

    ``duration_s`` is 0 for a picture and for a text without a clock; ``valence_arousal_source``
    says by modality whether the two values were regressed or derived from the class probabilities.
    """

    source: str
    duration_s: float
    labels: tuple[str, ...]
    clip: ClipEmotion
    segments: tuple[SegmentEmotion, ...]
    warnings: tuple[str, ...]
    bundle: BundleName
    valence_arousal_source: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and floats, ready for JSON."""
        document = asdict(self)
        return document | {key: list(document[key]) for key in ("labels", "segments", "warnings")}

    def to_json(self) -> str:
        """The result as indented JSON; no NaN, no rounding."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Result:
        """The result that `to_dict` wrote; names that this version does not know are passed over.

        Raises:
            InputError: a name is absent, or a part is no table.
        """
        try:
            return cls(
                **_known(cls, document)
                | {
                    "labels": tuple(document["labels"]),
                    "clip": ClipEmotion(**_known(ClipEmotion, document["clip"])),
                    "segments": tuple(_segment(part) for part in document["segments"]),
                    "warnings": tuple(document["warnings"]),
                    "bundle": BundleName(**_known(BundleName, document["bundle"])),
                }
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"this is no emofuse result: {error}") from error


def results_json(results: Sequence[Result]) -> str:
    """One result as a JSON object, several as a list of objects; ends with a line break."""
    if len(results) == 1:
        return results[0].to_json() + "\n"
    documents = [result.to_dict() for result in results]
    return json.dumps(documents, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _segment(part: Mapping[str, Any]) -> SegmentEmotion:
    evidence = {
        name: ModalityEvidence(**_known(ModalityEvidence, given))
        for name, given in part["modalities"].items()
    }
    return SegmentEmotion(**_known(SegmentEmotion, part) | {"modalities": evidence})


def _known(kind: type, document: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``document`` that are fields of the dataclass ``kind``."""
    names = {part.name for part in fields(kind)}
    return {name: value for name, value in document.items() if name in names}
