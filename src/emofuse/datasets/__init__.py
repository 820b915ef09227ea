"""Corpora: published layouts and one's own files, each read into a `Corpus`."""

from collections import Counter
from difflib import get_close_matches
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

from emofuse.errors import DatasetError, UnknownNameError
from emofuse.registry import Table
from emofuse.types import Corpus

__all__ = ["DATASETS", "Terms", "import_corpus", "load_corpus", "terms"]

# What each reader's module calls them.
_TERMS = ("CITATION", "LICENCE", "CONSENT")

DATASETS = Table(
    "dataset",
    {
        "ravdess": (
            "emofuse.datasets.ravdess:read_ravdess",
            "acted English speech and song of 24 actors, 8 emotions",
        ),
        "emodb": (
            "emofuse.datasets.emodb:read_emodb",
            "acted German speech of 10 speakers, 7 emotions (Berlin EMO-DB)",
        ),
        "fer2013": (
            "emofuse.datasets.fer2013:read_fer2013",
            "35,887 grey face pictures of 48x48, 7 emotions; folder, tar or official CSV",
        ),
        "goemotions": (
            "emofuse.datasets.goemotions:read_goemotions",
            "54,263 Reddit comments, 27 emotions and neutral or the 7 Ekman groups",
        ),
        "emobank": (
            "emofuse.datasets.emobank:read_emobank",
            "10,062 English sentences rated for valence, arousal and dominance",
        ),
        "meld": (
            "emofuse.datasets.meld:read_meld",
            "13,708 turns of dialogues from Friends, 7 emotions or 3 sentiments",
        ),
        "mmsa": (
            "emofuse.datasets.mmsa:read_mmsa",
            "feature archives of MMSA and MMSA-FET, aligned or not: text, audio and video with sentiment",
        ),
        "mult": (
            "emofuse.datasets.mult:read_mult",
            "feature archives of MulT and MultiBench, padded in front: text, audio and video",
        ),
        "erc_pickle": (
            "emofuse.datasets.dialogue_pickles:read_dialogues",
            "pickled dialogues of DialogueRNN, MMGCN, MM-DFN, SDT and COSMIC (IEMOCAP, MELD)",
        ),
        "data_processed": (
            "emofuse.datasets.data_processed:read_data_processed",
            "IEMOCAP turns as one pickled pandas frame: transcripts and openSMILE frames",
        ),
        "merbench": (
            "emofuse.datasets.merbench:read_merbench",
            "corpora as MERBench prepares them: labels in an .npz, one .npy of features per clip",
        ),
        "csd": (
            "emofuse.datasets.csd:read_csd",
            "computational sequences of CMU-MultimodalSDK: labelled segments with features cut to them",
        ),
        "openface_csv": (
            "emofuse.datasets.openface:read_openface",
            "tables of OpenFace 2, one per clip: gaze, pose, landmarks and action units by frame",
        ),
        "opensmile": (
            "emofuse.datasets.opensmile:read_opensmile",
            "tables of openSMILE, CSV or ARFF: functionals, or descriptors over time",
        ),
        "mosi": (
            "emofuse.datasets.mosi:read_mosi",
            "2,199 opinions in video blogs, sentiment from -3 to 3",
        ),
        "mosei": (
            "emofuse.datasets.mosei:read_mosei",
            "22,856 segments of monologues, sentiment from -3 to 3",
        ),
        "ch_sims": (
            "emofuse.datasets.ch_sims:read_ch_sims",
            "Mandarin clips, sentiment from -1 to 1, also of each modality alone; v2 too",
        ),
        "mmsa_folder": (
            "emofuse.datasets.mmsa_folder:read_mmsa_folder",
            "a folder of MMSA-FET: label.csv beside Raw/",
        ),
        "iemocap": (
            "emofuse.datasets.iemocap:read_iemocap",
            "dyads of ten actors, 4, 6 or all emotions, valence, arousal, dominance",
        ),
        "emorynlp": (
            "emofuse.datasets.emorynlp:read_emorynlp",
            "9,489 turns of scenes from Friends, 7 emotions",
        ),
        "dailydialog": (
            "emofuse.datasets.dailydialog:read_dailydialog",
            "everyday written dialogues, 7 emotions; RECCON's causes",
        ),
        "crema_d": (
            "emofuse.datasets.crema_d:read_crema_d",
            "acted English clips of 91 actors, 6 emotions",
        ),
        "savee": ("emofuse.datasets.savee:read_savee", "acted English clips of four men, 7 emotions"),
        "tess": ("emofuse.datasets.tess:read_tess", "acted English words of two women, 7 emotions"),
        "ck_plus": (
            "emofuse.datasets.ck_plus:read_ck_plus",
            "posed faces from neutral to peak, 7 emotions",
        ),
        "affectnet": (
            "emofuse.datasets.affectnet:read_affectnet",
            "faces from the web, 8 emotions, valence and arousal",
        ),
        "emoreact": (
            "emofuse.datasets.emoreact:read_emoreact",
            "1,102 videos of children's reactions, 8 states, several at once, valence",
        ),
        "common_voice": (
            "emofuse.datasets.common_voice:read_common_voice",
            "sentences read by volunteers in many languages, without labels",
        ),
        "huggingface": (
            "emofuse.datasets.huggingface:read_huggingface",
            "a Hugging Face data set on disk: Arrow, Parquet, or media with metadata",
        ),
        "packed": (
            "emofuse.datasets.packed:read_packed",
            "a store made by `emofuse import`: safetensors and Parquet, read lazily",
        ),
        "listed": (
            "emofuse.datasets.listed:read_listed",
            "one's own clips: a CSV, or a folder with one subfolder per label",
        ),
    },
)


def load_corpus(name: str, path: Path | str, /, **options: Any) -> Corpus:
    """Read the corpus ``name`` of `DATASETS` from a folder or file; ``options`` go to its reader.

    Raises:
        UnknownNameError: no such dataset, or its reader has no such option (the nearest is named).
        DatasetError: nothing is at ``path``, its layout is not the published one, or an id repeats.
    """
    reader = DATASETS.load(name)
    known = list(signature(reader).parameters)[1:]
    for option in options:
        if option not in known:
            raise UnknownNameError(f"dataset {name} has no option {option!r}; {_choice(option, known)}")
    place = Path(path).expanduser()
    if not place.exists():
        raise DatasetError(f"{place}: nothing is there; the {name} corpus was wanted")
    try:
        corpus: Corpus = reader(place, **options)
    except (TypeError, ValueError, AttributeError) as error:
        if not options:
            raise
        stated = ", ".join(f"{key}={value!r}" for key, value in options.items())
        raise DatasetError(f"{place}: dataset {name} cannot be read with {stated} ({error})") from error
    seen = Counter(clip.id for clip in corpus.clips)
    if repeated := [key for key, count in seen.items() if count > 1]:
        raise DatasetError(f"{place}: {len(repeated)} ids are there more than once, first {repeated[0]!r}")
    return corpus


def import_corpus(
    name: str, path: Path | str, store: Path | str, /, *, copy_media: bool = False, **options: Any
) -> Corpus:
    """Read the corpus ``name`` and write it as a store (see `emofuse.datasets.packed`); returns the store,
    opened. ``options`` go to the reader. A release that has to be unpacked lies in ``<store>-media`` after it.

    Raises:
        UnknownNameError, DatasetError: as `load_corpus` does.
        OutputError: the store cannot be written.
    """
    from emofuse.datasets.packed import read_packed, write_store

    if Path(path).is_file() and "unpack_to" in signature(DATASETS.load(name)).parameters:
        options.setdefault("unpack_to", Path(store).with_name(f"{Path(store).name}-media"))
    write_store(load_corpus(name, path, **options), store, copy_media=copy_media)
    return read_packed(Path(store))


class Terms(NamedTuple):
    """What a corpus's publishers ask: how to cite it, under what terms it stands, what is known of consent."""

    citation: str
    licence: str
    consent: str


def terms(name: str) -> Terms:
    """The terms of the corpus ``name``, as its reader states them; a store's are those it holds.

    Raises:
        UnknownNameError: no such dataset.
    """
    reader = DATASETS.load(name)
    module = import_module(reader.__module__)
    stated = (getattr(module, field, "those of the corpus that was imported") for field in _TERMS)
    return Terms(*stated)


def _choice(option: str, known: list[str]) -> str:
    if not known:
        return "it takes none"
    near = get_close_matches(option, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known)}"
