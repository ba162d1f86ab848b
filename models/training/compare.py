"""Not part of the run: what else was tried, on the days on which choices were made. Writes comparison.json.

    /usr/bin/python3 models/training/compare.py --data ../shared/data/hydro

Trained before 1996-10, scored on 1996-10 to 2001-06 at every third Caravan basin: at known basins, and in one group of regions
left out. All inputs of the pattern are there in training, too, where members learn to do without them. Brier skill is that of
the margins through an isotonic map fitted on the other half of the basins. A quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import xgboost as xgb
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score

import boost
import data
from catalogue import write_json
from features import MONOTONE, NAMES
from masking import PATTERNS, show_only
from train_risk import QUIET, SETTINGS, member_named, terms

FROM, TO = "1996-10-01", "2001-07-01"
FOLD = 1
PLAIN = {"rounds": 400, "max_depth": 6, "eta": 0.1, "subsample": 0.8, "colsample_bytree": 0.5, "min_child_weight": 10}
PATTERN_MEMBER = {"year": "year_site", "history_3_temperature_means": "history_site",
                  "service_temperature_means": "service_site"}
VARIANTS = (  # what, changes to the member's settings
    ("plain XGBoost", {"plain": True}),
    ("with the rule on rain and soft labels", {"linear": False, "bins": False}),
    ("and bins that the days fill equally", {"linear": False}),
    ("and small slopes below the trees (shipped)", {}),
)


def margins(x, sample, basins, member, changes, test):
    settings = SETTINGS[member.name] | {"seed": 1}
    width, gauged = settings.pop("soft"), settings.pop("gauged")
    label = boost.soft_label(sample.peak, width)
    weight = sample.weight * np.where(basins.source[sample.basin] == 1, gauged, 1.0)
    params = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "max_bin": boost.BINS}
    if changes.get("plain"):
        settings, label, weight = PLAIN | {"seed": 1}, sample.y.astype(float), sample.weight
        params["max_bin"] = 256
    elif changes.get("linear", True):
        return boost.fit(x, label, weight, terms(member, "today"), settings, 1).margin(test)
    else:
        params["monotone_constraints"] = tuple(MONOTONE)
    rounds = settings.pop("rounds")
    if changes.get("bins", not changes.get("plain")):
        bins = xgb.QuantileDMatrix(x, max_bin=boost.BINS, nthread=1, feature_names=NAMES)
        d = xgb.QuantileDMatrix(x, label=label, weight=weight, ref=bins, max_bin=boost.BINS, nthread=1, feature_names=NAMES)
    else:
        d = xgb.DMatrix(x, label=label, weight=weight, feature_names=NAMES)
    booster = xgb.train(params | settings, d, rounds)
    return booster.predict(xgb.DMatrix(test, feature_names=NAMES), output_margin=True)


def brier_skill(margin, y, half) -> float:
    p = np.empty(len(y))
    for side in (0, 1):
        fitted = IsotonicRegression(out_of_bounds="clip").fit(margin[half != side], y[half != side])
        p[half == side] = fitted.predict(margin[half == side])
    return float(1 - ((p - y) ** 2).mean() / (y.mean() * (1 - y.mean())))


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args = args.parse_args()
    basins = data.load(args.data)
    first, last = basins.day_index(FROM), basins.day_index(TO)
    sample = boost.draw(basins, 0, first, QUIET, np.random.default_rng(1))
    basin, day, y, _ = data.labelled(basins, first, last)
    use = (basins.source[basin] == 0) & (basin % 3 == 0)
    basin, day, y = basin[use], day[use], y[use].astype(float)
    table = []
    for inputs, name in PATTERN_MEMBER.items():
        hide = lambda rows: show_only(rows, PATTERNS[inputs])
        x, test = boost.matrix(basins, sample.basin, sample.day, hide), boost.matrix(basins, basin, day, hide)
        member = member_named(name)
        for what, changes in VARIANTS:
            m = margins(x, sample, basins, member, changes, test)
            row = {"what": what, "inputs": inputs, "known_ap": float(average_precision_score(y, m)),
                   "known_brier_skill": brier_skill(m, y, basin // 3 % 2)}
            if changes.get("plain") or not changes:
                seen, unseen = basins.fold[sample.basin] != FOLD, basins.fold[basin] == FOLD
                m = margins(x[seen], sample.take(seen), basins, member, changes, test[unseen])
                row["region_ap"] = float(average_precision_score(y[unseen], m))
            table.append({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
            print(table[-1], flush=True)
            write_json(Path(__file__).with_name("comparison.json"), table)


if __name__ == "__main__":
    main()
