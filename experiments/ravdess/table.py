"""Speech, face and both on RAVDESS: five folds that share no actor, three seeds, two normalisations.

    EMOFUSE_DATA=... python experiments/ravdess/table.py runs/ravdess

Each run is resumable and skipped where it is finished. Writes table.md and table.json beside the runs: the
mean accuracy over seeds of the pooled folds with its 95 % cluster bootstrap interval over actors, and the
paired test of both against the better single modality, clustered by actor.
"""

import json
import sys
import tomllib
from pathlib import Path

import numpy as np

from emofuse.config import check_config
from emofuse.evaluation.intervals import bootstrap_intervals, choose_clusters
from emofuse.evaluation.significance import paired_permutation
from emofuse.experiment import run
from emofuse.inference.runs import read_predictions

HERE = Path(__file__).parent
FOLDS, SEEDS = range(5), (1, 2, 3)
SETS = {"speech": ["audio"], "face": ["video"], "speech + face": ["audio", "video"]}
PROTOCOLS = {"train": "as it is", "speaker": "per-speaker z-scores (unlabelled)"}


def configuration(names, *, normalise, fold, seed):
    tree = tomllib.loads((HERE / "gru_attention_fusion.toml").read_text(encoding="utf-8"))
    tree["seed"] = seed
    tree["split"]["fold"] = fold
    tree["features"] = {name: {**tree["features"][name], "normalise": normalise} for name in names}
    tree["model"]["single_frame"] = [name for name in tree["model"]["single_frame"] if name in names]
    if len(names) == 1:
        tree.pop("augmentation")
    return check_config(tree, "gru_attention_fusion.toml")


def main(root):
    correct, groups = {}, None
    for normalise in PROTOCOLS:
        for title, names in SETS.items():
            for seed in SEEDS:
                parts = [finished(root, names, normalise=normalise, fold=fold, seed=seed) for fold in FOLDS]
                hits = {
                    name: (hit, group)
                    for made in parts
                    for name, hit, group in zip(
                        made.ids,
                        made.probabilities.argmax(1) == made.truth.argmax(1),
                        made.groups,
                        strict=True,
                    )
                }
                order = sorted(hits)
                groups = [hits[name][1] for name in order]
                correct[normalise, title, seed] = np.array([hits[name][0] for name in order], float)
                print(normalise, title, seed, f"{correct[normalise, title, seed].mean():.4f}", flush=True)
    write(root, correct, groups)


def finished(root, names, *, normalise, fold, seed):
    folder = root / f"{'+'.join(names)}-{normalise}-fold{fold}-seed{seed}"
    if not (folder / "metrics.json").is_file():
        run(configuration(names, normalise=normalise, fold=fold, seed=seed), out=folder)
    return read_predictions(folder)["test"]


def write(root, correct, groups):
    generator = np.random.default_rng(0)
    clusters = choose_clusters(groups)
    rows, facts = (
        ["| protocol | features | accuracy | 95 % interval | seeds |", "|---|---|---|---|---|"],
        {},
    )
    for normalise, protocol in PROTOCOLS.items():
        means = {
            title: np.mean([correct[normalise, title, seed] for seed in SEEDS], axis=0) for title in SETS
        }
        for title, mean in means.items():
            (low, high), = [
                (one.low, one.high)
                for one in bootstrap_intervals(
                    lambda index, mean=mean: np.array([mean[index].mean()]),
                    clusters, generator=generator, resamples=2000,
                )
            ]  # fmt: skip
            seeds = ", ".join(f"{correct[normalise, title, seed].mean():.3f}" for seed in SEEDS)
            rows.append(f"| {protocol} | {title} | {mean.mean():.3f} | {low:.3f} to {high:.3f} | {seeds} |")
            facts[f"{normalise}/{title}"] = {"accuracy": mean.mean(), "low": low, "high": high}
        best = max(("speech", "face"), key=lambda title: means[title].mean())
        test = paired_permutation(means["speech + face"], means[best], groups=groups, generator=generator)
        rows.append(
            f"| {protocol} | both against {best} | +{test.difference:.3f} | p = {test.p:.2g} | {test.method} |"
        )
        facts[f"{normalise}/gain"] = {
            "over": best,
            "difference": test.difference,
            "p": test.p,
            "method": test.method,
        }
    (root / "table.md").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (root / "table.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print("\n".join(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
