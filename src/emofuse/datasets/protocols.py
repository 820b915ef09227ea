"""Protocols that papers on one corpus agree on, by name; general ones are in `splits`."""

from hashlib import blake2b
from random import Random

from emofuse.errors import ConfigError, DatasetError
from emofuse.types import Clip, Corpus, Split

# The validation dialogues of COSMIC (Ghosal et al. 2020) on IEMOCAP; session 5 tests.
COSMIC_VALID = (
    "Ses01M_impro01", "Ses01M_script03_1", "Ses02F_impro02", "Ses02F_impro07", "Ses02M_script01_2",
    "Ses03F_impro01", "Ses03M_impro02", "Ses03M_impro08a", "Ses03M_script02_2", "Ses03M_script03_2",
    "Ses04F_impro07", "Ses04F_script02_1",
)  # fmt: skip


def rotated_test(corpus: Corpus, *, by: str = "source", folds: int = 3, fold: int = 0) -> Split:
    """The official train trains; the groups outside it are dealt to ``folds``: one chooses, the others test.
    Pool the test predictions over the folds (each clip is then tested ``folds`` - 1 times, so average).

    For vectors whose networks saw the training rows: a validation carved from those would be blind.

    Raises:
        ConfigError: fewer than 2 folds, or no such fold, or ``by`` is no field of a clip.
        DatasetError: there is no official train, or fewer groups than folds are outside it.
    """
    if not (0 <= fold < folds and folds >= 2):
        raise ConfigError(f"fold is {fold} of {folds} folds; wanted 2 folds or more, counted from 0")
    if by not in ("source", "speaker", "dialogue"):
        raise ConfigError(f"by is {by!r}, wanted source, speaker or dialogue")
    train = tuple(clip.id for clip in corpus.clips if clip.split == "train")
    rest = [clip for clip in corpus.clips if clip.split in ("valid", "test")]
    # By hash, so that neither the order of the files nor that of the names decides.
    groups = sorted({_group(clip, by) for clip in rest}, key=lambda name: blake2b(name.encode()).digest())
    if not train or len(groups) < folds:
        raise DatasetError(
            f"{corpus.name}: {len(train)} training clips and {len(groups)} other groups of {by}; "
            f"wanted some, and {folds} or more"
        )
    chosen = set(groups[fold::folds])
    valid = tuple(clip.id for clip in rest if _group(clip, by) in chosen)
    test = tuple(clip.id for clip in rest if _group(clip, by) not in chosen)
    return Split(train, valid, test, f"official train; the rest rotated by {by}, fold {fold} of {folds}")


def leave_one_speaker_out(corpus: Corpus, *, fold: int = 0) -> Split:
    """One speaker tests, the other speakers of the same ``source`` (session) choose, all others train.

    Raises:
        ConfigError: no such fold.
        DatasetError: a clip has no speaker, or a session has one speaker alone.
    """
    speakers = sorted({_group(clip, "speaker") for clip in corpus.clips})
    if not 0 <= fold < len(speakers):
        raise ConfigError(f"fold is {fold}; there are {len(speakers)} speakers, counted from 0")
    tested = speakers[fold]
    sessions = {clip.source for clip in corpus.clips if clip.speaker == tested}
    test: list[str] = []
    valid: list[str] = []
    train: list[str] = []
    for clip in corpus.clips:
        role = test if clip.speaker == tested else valid if clip.source in sessions else train
        role.append(clip.id)
    if not valid or not train:
        raise DatasetError(
            f"{corpus.name}: nobody else is in the session of {tested}, or no other session is there"
        )
    return Split(tuple(train), tuple(valid), tuple(test), f"leave one speaker out: {tested}")


def leave_one_session_out(corpus: Corpus, *, fold: int = 0) -> Split:
    """One session (``source``) tests, the next one chooses, the others train.

    Raises:
        ConfigError: no such fold.
        DatasetError: there are fewer than 3 sessions.
    """
    sessions = sorted({_group(clip, "source") for clip in corpus.clips})
    if len(sessions) < 3:
        raise DatasetError(f"{corpus.name}: {len(sessions)} sessions are too few to leave one out")
    if not 0 <= fold < len(sessions):
        raise ConfigError(f"fold is {fold}; there are {len(sessions)} sessions, counted from 0")
    tested, chosen = sessions[fold], sessions[(fold + 1) % len(sessions)]
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for clip in corpus.clips:
        parts["test" if clip.source == tested else "valid" if clip.source == chosen else "train"].append(
            clip.id
        )
    return Split(
        tuple(parts["train"]), tuple(parts["valid"]), tuple(parts["test"]),
        f"leave one session out: {tested} tests, {chosen} chooses",
    )  # fmt: skip


def iemocap_conversations(corpus: Corpus) -> Split:
    """Whole dialogues of IEMOCAP: session 5 tests, COSMIC's twelve choose (their speakers train too).

    Raises:
        DatasetError: a part would be empty.
    """
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for clip in corpus.clips:
        dialogue = _group(clip, "dialogue")
        role = "test" if dialogue.startswith("Ses05") else "valid" if dialogue in COSMIC_VALID else "train"
        parts[role].append(clip.id)
    if empty := [role for role, ids in parts.items() if not ids]:
        raise DatasetError(f"{corpus.name}: no clip is left for {empty[0]} by the conversations of IEMOCAP")
    told = "conversations: session 5 tests, twelve dialogues choose (speakers shared by train and valid)"
    return Split(tuple(parts["train"]), tuple(parts["valid"]), tuple(parts["test"]), told)


def compat_random_80_20(corpus: Corpus, *, seed: int = 42) -> Split:
    """Python's ``random.sample`` of 80 % of the clips by their position, as a published notebook on IEMOCAP does.

    There is no validation in it: a tenth of train is carved out here, so that no epoch is chosen on test. It
    leaks: speakers, sessions and dialogues are on both sides. For comparison with such numbers only.

    Raises:
        DatasetError: there are too few clips.
    """
    count = len(corpus.clips)
    train = Random(seed).sample(range(count), int(0.8 * count))
    inside = set(train)
    carved = max(1, len(train) // 10)
    if len(train) <= carved:
        raise DatasetError(f"{corpus.name}: {count} clips are too few to split")
    names = [clip.id for clip in corpus.clips]
    return Split(
        tuple(names[place] for place in train[carved:]),
        tuple(names[place] for place in train[:carved]),
        tuple(names[place] for place in range(count) if place not in inside),
        f"compat: random 80/20, seed {seed} (leaks speakers, sessions and dialogues)",
    )


def _group(clip: Clip, by: str) -> str:
    value = getattr(clip, by)
    if value is None:
        raise DatasetError(f"clip {clip.id} has no {by}")
    return str(value)
