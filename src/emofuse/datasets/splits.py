"""Which clips train, choose and test: named protocols, deterministic by seed through hashing.

A merged corpus is split part by part, so that each role holds clips of each corpus.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b

from emofuse.errors import ConfigError, DatasetError
from emofuse.registry import Table
from emofuse.types import Clip, Corpus, Split, TaskSpec

GROUPINGS = ("speaker", "dialogue", "source")

SPLITS = Table(
    "split",
    {
        "official": (
            "emofuse.datasets.splits:official",
            "the publisher's own; what is missing is carved from train",
        ),
        "group_folds": (
            "emofuse.datasets.splits:group_folds",
            "folds that share no speaker (or dialogue, or source)",
        ),
        "rotated_test": (
            "emofuse.datasets.protocols:rotated_test",
            "official train; the official test's groups take turns to choose and to test",
        ),
        "leave_one_speaker_out": (
            "emofuse.datasets.protocols:leave_one_speaker_out",
            "one speaker tests, the others of the session choose",
        ),
        "leave_one_session_out": (
            "emofuse.datasets.protocols:leave_one_session_out",
            "one session tests, the next chooses",
        ),
        "iemocap_conversations": (
            "emofuse.datasets.protocols:iemocap_conversations",
            "whole dialogues: session 5 tests, twelve named ones choose",
        ),
        "compat_random_80_20": (
            "emofuse.datasets.protocols:compat_random_80_20",
            "a published notebook's random split, which leaks; for comparison only",
        ),
        "random_split": (
            "emofuse.datasets.splits:random_split",
            "at random within each label; speakers are shared, so scores flatter",
        ),
    },
)


def official(corpus: Corpus, *, valid_share: float = 0.1, by: str | None = None, seed: int = 0) -> Split:
    """The publisher's split.

    Where there is no official test, the official valid becomes test. Where there is then no valid,
    ``valid_share`` of train is carved out: whole groups of ``by`` where it is given, else of each label.

    Raises:
        ConfigError: ``valid_share`` is not between 0 and 1, or ``by`` is no grouping.
        DatasetError: a clip has no official split, or there is neither valid nor test.
    """
    _check_shares(valid_share=valid_share)
    parts, made = [], set()
    for part in _parts(corpus):
        split = _official_roles(part, corpus.name)
        if not split.valid:
            train = [clip for clip in part if clip.split == "train"]
            valid = set(_carve(train, valid_share, by, seed))
            if not 0 < len(valid) < len(train):
                raise DatasetError(f"{corpus.name}: {len(train)} training clips are too few to carve valid")
            how = f"valid {valid_share:.0%} of train by {by or 'label'}, seed {seed}"
            made.add(", ".join(filter(None, (split.protocol, how))))
            split = _split(part, valid, set(split.test))
        parts.append(split)
    protocol = f"official ({'; '.join(sorted(made))})" if made else "official"
    return _joined(parts, protocol)


def group_folds(
    corpus: Corpus,
    *,
    by: str = "speaker",
    folds: int = 5,
    fold: int = 0,
    valid_groups: int | None = None,
    seed: int = 0,
) -> Split:
    """Test on the groups of one fold, choose on those of the next, train on the rest.

    Groups are dealt to folds in sorted order (shuffled where ``seed`` is not 0), every other group first,
    so that sexes mix where speakers alternate, and so that folds get alike numbers of clips. With
    ``valid_groups`` only that many groups (of each part of a merged corpus) choose, the others train.

    Raises:
        ConfigError: a number that does not fit, or ``by`` is no grouping.
        DatasetError: a clip has no such group, or there are fewer groups than folds.
    """
    if not (0 <= fold < folds and folds >= 2):
        raise ConfigError(f"fold is {fold} of {folds} folds; wanted 2 folds or more, counted from 0")
    if valid_groups is None and folds < 3:
        raise ConfigError("with 2 folds nothing is left to train on; give valid_groups or 3 folds or more")
    parts = []
    for part in _parts(corpus):
        members = _groups(part, by)
        dealt = _deal(members, folds, seed)
        order = [name for step in range(1, folds) for name in dealt[(fold + step) % folds]]
        count = len(dealt[(fold + 1) % folds]) if valid_groups is None else valid_groups
        if not 0 < count < len(order):
            raise ConfigError(f"valid_groups is {count}; wanted 1 to {len(order) - 1} of the other groups")
        chosen, tested = (
            {clip.id for name in names for clip in members[name]} for names in (order[:count], dealt[fold])
        )
        parts.append(_split(part, chosen, tested))
    return _joined(parts, f"{by}-disjoint, fold {fold} of {folds}, seed {seed}")


def random_split(
    corpus: Corpus, *, valid_share: float = 0.1, test_share: float = 0.2, seed: int = 0
) -> Split:
    """Shares of each label at random. Speakers are shared, so that scores flatter: for comparison only.

    Raises:
        ConfigError: the shares are not above 0, or leave nothing to train on.
    """
    _check_shares(valid_share=valid_share, test_share=test_share)
    parts = []
    for part in _parts(corpus):
        test = set(_carve(part, test_share, None, seed))
        rest = [clip for clip in part if clip.id not in test]
        valid = set(_carve(rest, valid_share / (1 - test_share), None, seed))
        parts.append(_split(part, valid, test))
    return _joined(parts, "random (speakers shared)")


def check_disjoint(split: Split, corpus: Corpus, *, by: str = "speaker") -> None:
    """Pass where no group has clips in two roles; clips without the group are passed over.

    Raises:
        DatasetError: groups are shared; the message names them.
        ConfigError: ``by`` is no grouping.
    """
    _check_grouping(by)
    known = {clip.id: getattr(clip, by) for clip in corpus.clips}
    roles = {
        role: {known[name] for name in getattr(split, role) if known.get(name) is not None}
        for role in ("train", "valid", "test")
    }
    for one, other in (("train", "valid"), ("train", "test"), ("valid", "test")):
        if shared := sorted(roles[one] & roles[other]):
            listed = ", ".join(shared[:10]) + (" ..." if len(shared) > 10 else "")
            raise DatasetError(
                f"{corpus.name}: {one} and {other} share {len(shared)} values of {by}: {listed}"
            )


def merge(corpora: Sequence[Corpus]) -> Corpus:
    """One corpus named ``a+b``; ids, speakers, dialogues and sources get their corpus' name before them.

    Labels must be equal, or a corpus has none; ratings are united.

    Raises:
        DatasetError: fewer than two corpora, two of one name, or labels or rating ranges that differ.
    """
    names = [corpus.name for corpus in corpora]
    if len(names) < 2 or len(set(names)) < len(names):
        raise DatasetError(f"to merge takes two or more corpora of different names; got {', '.join(names)}")
    return Corpus(
        name="+".join(names),
        clips=tuple(_prefixed(clip, corpus.name) for corpus in corpora for clip in corpus.clips),
        task=_united([corpus.task for corpus in corpora], names),
        citation="\n".join(f"{corpus.name}: {corpus.citation}" for corpus in corpora if corpus.citation),
        licence="\n".join(f"{corpus.name}: {corpus.licence}" for corpus in corpora if corpus.licence),
        notes=tuple(f"{corpus.name}: {note}" for corpus in corpora for note in corpus.notes),
    )


def _prefixed(clip: Clip, name: str) -> Clip:
    speaker, dialogue, source = (
        None if value is None else f"{name}/{value}" for value in (clip.speaker, clip.dialogue, clip.source)
    )
    return replace(clip, id=f"{name}/{clip.id}", speaker=speaker, dialogue=dialogue, source=source)


def _united(tasks: list[TaskSpec], names: list[str]) -> TaskSpec:
    for kind, has in (("labels", "labels"), ("rating_range", "ratings")):
        stated = {getattr(task, kind) for task in tasks if getattr(task, has)}
        if len(stated) > 1:
            raise DatasetError(
                f"{kind} of {', '.join(names)} differ: {sorted(stated)}; bring them to one set"
            )
    rated = [task for task in tasks if task.ratings]
    return TaskSpec(
        labels=next((task.labels for task in tasks if task.labels), ()),
        ratings=tuple(dict.fromkeys(name for task in rated for name in task.ratings)),
        rating_range=rated[0].rating_range if rated else tasks[0].rating_range,
        metrics=tuple(dict.fromkeys(name for task in tasks for name in task.metrics)),
    )


def _parts(corpus: Corpus) -> list[list[Clip]]:
    names = corpus.name.split("+")
    if len(names) == 1:
        return [list(corpus.clips)]
    parts: dict[str, list[Clip]] = {name: [] for name in names}
    for clip in corpus.clips:
        name = clip.id.partition("/")[0]
        if name not in parts:
            raise DatasetError(f"{corpus.name}: clip {clip.id} names none of the merged corpora")
        parts[name].append(clip)
    return [part for part in parts.values() if part]


def _official_roles(clips: list[Clip], name: str) -> Split:
    roles: dict[str | None, list[str]] = defaultdict(list)
    for clip in clips:
        roles[clip.split].append(clip.id)
    if unknown := set(roles) - {"train", "valid", "test"}:
        example = roles[next(iter(unknown))][0]
        raise DatasetError(f"{name}: {example} has no official split; split by group instead")
    if not roles["train"] or not (roles["valid"] or roles["test"]):
        raise DatasetError(f"{name}: no official train, or neither valid nor test; split by group instead")
    train = tuple(roles["train"])
    if roles["test"]:
        return Split(train, tuple(roles["valid"]), tuple(roles["test"]), "")
    return Split(train, (), tuple(roles["valid"]), "test is the official valid")


def _split(clips: list[Clip], valid: set[str], test: set[str]) -> Split:
    held = valid | test
    return Split(
        train=tuple(clip.id for clip in clips if clip.id not in held),
        valid=tuple(clip.id for clip in clips if clip.id in valid),
        test=tuple(clip.id for clip in clips if clip.id in test),
        protocol="",
    )


def _carve(clips: list[Clip], share: float, by: str | None, seed: int) -> list[str]:
    if by is None:
        strata: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for clip in clips:
            strata[tuple(clip.shares) or (clip.label or "",)].append(clip.id)
        return [
            name for ids in strata.values() for name in _ranked(ids, seed)[: _rounded(len(ids) * share)]
        ]
    groups = _groups(clips, by)
    wanted, carved = share * len(clips), list[str]()
    for name in _ranked(groups, seed):
        ids = [clip.id for clip in groups[name]]
        # The first group always goes; a further one only where it brings the count nearer to its aim.
        if not carved or abs(len(carved) + len(ids) - wanted) < abs(len(carved) - wanted):
            carved += ids
    return carved


def _groups(clips: list[Clip], by: str) -> dict[str, list[Clip]]:
    _check_grouping(by)
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        name = getattr(clip, by)
        if name is None:
            raise DatasetError(f"clip {clip.id} has no {by}, so that it cannot be split by it")
        groups[name].append(clip)
    return groups


def _deal(groups: dict[str, list[Clip]], folds: int, seed: int) -> list[list[str]]:
    if len(groups) < folds:
        raise DatasetError(f"{len(groups)} groups are too few for {folds} folds")
    names = sorted(groups)
    place = {name: index for index, name in enumerate(_ranked(names, seed) if seed else names)}
    dealt: list[list[str]] = [[] for _ in range(folds)]
    clips = [0] * folds
    for stratum in (names[::2], names[1::2]):
        taken = [0] * folds
        # Large groups first; groups within a factor of two count as alike, so that the order decides.
        for name in sorted(stratum, key=lambda name: (-len(groups[name]).bit_length(), place[name])):
            chosen = min(range(folds), key=lambda index: (taken[index], clips[index], index))
            taken[chosen] += 1
            clips[chosen] += len(groups[name])
            dealt[chosen].append(name)
    return [sorted(fold) for fold in dealt]


def _joined(parts: list[Split], protocol: str) -> Split:
    train, valid, test = (
        tuple(name for part in parts for name in getattr(part, role)) for role in ("train", "valid", "test")
    )
    for role, ids in (("train", train), ("valid", valid), ("test", test)):
        if not ids:
            raise DatasetError(f"{protocol}: no clip is left for {role}")
    return Split(train, valid, test, protocol)


def _ranked(names: Iterable[str], seed: int) -> list[str]:
    return sorted(names, key=lambda name: blake2b(f"{seed}:{name}".encode(), digest_size=8).digest())


def _rounded(value: float) -> int:
    return int(value + 0.5)


def _check_shares(**shares: float) -> None:
    if any(share <= 0 for share in shares.values()) or sum(shares.values()) >= 1:
        raise ConfigError(f"shares are {shares}; wanted each above 0 and together below 1")


def _check_grouping(by: str) -> None:
    if by not in GROUPINGS:
        raise ConfigError(f"by is {by!r}, wanted one of {', '.join(GROUPINGS)}")
