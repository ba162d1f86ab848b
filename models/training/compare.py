"""Not part of the run: what else was tried, on the days on which choices were made. Writes comparison.json.

    /usr/bin/python3 models/training/compare.py --data ../shared/data/hydro

Trained before 1996-10, scored on 1996-10 to 2001-06: at known basins, and in one group of regions left out. Brier skill is
that of the margins through an isotonic map fitted on the other half of the basins. Two minutes on one core.
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
from train_risk import SETTINGS, terms, member_named

FROM, TO = "1996-10-01", "2001-07-01"
QUIET = 0.012
FOLD = 2
VARIANTS = (  # what, inputs, member whose settings are used, changes
    ("one booster, hard labels", "year", "year_site", {"linear": False, "soft": 0.0}),
    ("one booster, soft labels", "year", "year_site", {"linear": False}),
    ("boosting on a linear part (shipped)", "year", "year_site", {}),
    ("one booster, soft labels, without the rule on rain", "year", "year_site", {"linear": False, "free": True}),
)


def margins(x, sample, basins, member, changes, test):
    settings = SETTINGS[member.name] | {k: v for k, v in changes.items() if k not in ("linear", "free")} | {"seed": 1}
    width, gauged = settings.pop("soft"), settings.pop("gauged")
    label = boost.soft_label(sample.peak, width) if width else sample.y.astype(float)
    weight = sample.weight * np.where(basins.source[sample.basin] == 1, gauged, 1.0)
    if changes.get("linear", True):
        return boost.fit(x, label, weight, terms(member)[0], "extreme_today", settings, 1).margin(test)
    rounds = settings.pop("rounds")
    params = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "max_bin": boost.BINS, **settings}
    if not changes.get("free"):
        params["monotone_constraints"] = tuple(MONOTONE)
    booster = xgb.train(params, xgb.DMatrix(x, label=label, weight=weight, feature_names=NAMES), rounds)
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
    table, made = [], None
    for what, inputs, name, changes in VARIANTS:
        if made != inputs:
            hide = lambda rows: show_only(rows, PATTERNS[inputs])
            x, test, made = boost.matrix(basins, sample.basin, sample.day, hide), boost.matrix(basins, basin, day, hide), inputs
        member = member_named(name)
        row = {"what": what, "inputs": inputs}
        m = margins(x, sample, basins, member, changes, test)
        row |= {"known_ap": float(average_precision_score(y, m)), "known_brier_skill": brier_skill(m, y, basin // 3 % 2)}
        if what.startswith(("one booster, soft", "boosting")):
            seen, unseen = basins.fold[sample.basin] != FOLD, basins.fold[basin] == FOLD
            m = margins(x[seen], sample.take(seen), basins, member, changes, test[unseen])
            row["region_ap"] = float(average_precision_score(y[unseen], m))
        table.append({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
        print(table[-1], flush=True)
        write_json(Path(__file__).with_name("comparison.json"), table)


if __name__ == "__main__":
    main()
