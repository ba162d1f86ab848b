"""What else was tried, scored alike on unseen river systems; writes comparison.json, which the card quotes.

    /usr/bin/python3 models/training/nowcast/compare.py --data ../shared/data/hydro
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import xgboost as xgb
from sklearn.linear_model import LogisticRegression

import evaluate
import features
import network
import train_nowcast
from data import ANCHORS

SEED = 5
THIN = 6
COARSE = 0.05 * np.sinh(np.linspace(-np.arcsinh(140), np.arcsinh(140), 31))  # thresholds in v, as evaluate.V
TREES = {"max_depth": 4, "learning_rate": 0.06, "subsample": 0.6, "colsample_bynode": 0.3, "min_child_weight": 20,
         "reg_lambda": 10, "n_jobs": 1, "tree_method": "hist", "random_state": SEED}


def standard(rows, like):
    mean, scale = like.x.mean(axis=0), like.x.std(axis=0) + 1e-3
    return np.clip((rows.x - mean) / scale, -4, 4)


def weights(rows, groups):
    alike = np.array([sum(groups == g) for g in groups])
    return rows.weight / np.sqrt(alike[rows.station])


def logistic(rows, test, groups):
    out = []
    for h in ANCHORS:
        y = rows.y[:, h - 1]
        use = ~np.isnan(y)
        fit = LogisticRegression(C=0.01, max_iter=200).fit(standard(rows, rows)[use], y[use] >= 1, sample_weight=weights(rows, groups)[use])
        out.append(fit.predict_proba(standard(test, rows))[:, 1])
    return None, np.stack(out, axis=1)


def boosted(rows, test, groups):
    out = []
    for h in ANCHORS:
        y = rows.y[:, h - 1]
        use = ~np.isnan(y)
        fit = xgb.XGBClassifier(n_estimators=250, **TREES).fit(rows.x[use], y[use] >= 1, sample_weight=weights(rows, groups)[use])
        out.append(fit.predict_proba(test.x)[:, 1])
    return None, np.stack(out, axis=1)


def with_threshold(x, z, threshold, horizon):
    """Features and the threshold asked for: as a bent change from now, and in z."""
    return np.c_[x, np.arcsinh((threshold - z) / features.SMALL), threshold, np.log(horizon) * np.ones(len(x))].astype(np.float32)


def boosted_distribution(rows, test, groups):
    """One booster for all thresholds and horizons, constrained to fall with the threshold."""
    rng = np.random.default_rng(SEED)
    xs, ys, ws = [], [], []
    z = rows.x[:, 0].astype(float)
    for h in ANCHORS:
        for kind in range(2):
            v = rng.uniform(-6, 6.5, len(rows)) * rng.random(len(rows))
            threshold = np.where(kind == 0, z + features.SMALL * np.sinh(v), np.exp(rng.normal(-0.1, 0.3, len(rows))))
            y = rows.y[:, h - 1]
            use = ~np.isnan(y) & (rng.random(len(rows)) < 0.2)
            xs.append(with_threshold(rows.x[use], z[use], threshold[use], h))
            ys.append(y[use] >= threshold[use])
            ws.append(weights(rows, groups)[use])
    n = rows.x.shape[1]
    fit = xgb.XGBClassifier(n_estimators=150, monotone_constraints=(0,) * n + (-1, -1, 0), **(TREES | {"max_depth": 5, "learning_rate": 0.12}))
    fit.fit(np.concatenate(xs), np.concatenate(ys), sample_weight=np.concatenate(ws))
    z = test.x[:, 0].astype(float)
    below, event = [], []
    for h in ANCHORS:
        curve = np.stack([1 - fit.predict_proba(with_threshold(test.x, z, z + features.SMALL * np.sinh(v), h))[:, 1] for v in COARSE], axis=1)
        below.append(np.stack([np.interp(evaluate.V, COARSE, c) for c in curve]))
        event.append(fit.predict_proba(with_threshold(test.x, z, np.ones(len(z)), h))[:, 1])
    return np.stack(below, axis=1), np.stack(event, axis=1)


def net(**changes):
    def fit(rows, test, groups):
        s = network.Settings(train_nowcast.ALL, networks=1, epochs=12)
        for k, v in changes.items():
            setattr(s, k, v)
        member = network.train(rows, groups, s, SEED)
        p = train_nowcast.predict(member, test)[:, [network.KNOTS.index(h) for h in ANCHORS]]
        return p[:, :, :-1], 1 - p[:, :, -1]
    return fit


FEW = [features.FEATURES.index(n) for n in (
    "z_now", "z_now_bent", "rise_1h", "rise_3h", "rise_6h", "rise_24h", "bend_1h", "below_max_24h", "above_min_72h", "volatility_24h",
    "rain_3h", "rain_12h", "rain_24h", "rain_72h", "store_6h", "store_18h", "push_6h_12h", "push_18h_12h")]
MODELS = {
    "logistic regression, one a horizon": logistic,
    "boosted trees, one a horizon": boosted,
    "boosted trees, distribution regression": boosted_distribution,
    "mixture network, 18 features": net(columns=FEW, hidden=32),
    "mixture network, all features": net(),
}


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args.add_argument("--only", action="append", help="run this model and keep the others' last results")
    args = args.parse_args()
    file = Path(__file__).with_name("comparison.json")
    train_nowcast.setup(str(args.data))
    state = train_nowcast._state
    rows, test, groups = state["whole"], state["test"], state["groups"]
    test = test.take(np.arange(len(test)) % THIN == 0)
    reference = np.full((len(test), len(ANCHORS)), np.nan)
    kept, out = {}, json.loads(file.read_text()) if args.only and file.exists() else {}
    for name, model in MODELS.items():
        if args.only and name not in args.only:
            continue
        event = np.full((len(test), len(ANCHORS)), np.nan)
        below = None
        for g in np.unique(groups):
            inside = groups[test.station] == g
            b, event[inside] = model(rows.take(groups[rows.station] != g), test.take(inside), groups)
            if b is not None:
                below = np.full((len(test), *b.shape[1:]), np.nan) if below is None else below
                below[inside] = b
            for j, h in enumerate(ANCHORS):
                y = test.y[:, h - 1]
                use = ~np.isnan(y) & ~inside
                reference[inside, j] = evaluate.persistence(test.z[use], y[use] >= 1, test.z[inside])
        kept[name] = (below, event)
        out[name] = entry(test, below, event, reference)
        print(name, out[name], flush=True)
        file.write_text(json.dumps(out, indent=1) + "\n")
    a, b = "mixture network, all features", "boosted trees, distribution regression"
    if a in kept and b in kept:
        below, event = ((kept[a][i] + kept[b][i]) / 2 for i in (0, 1))
        out["blend of both distributions"] = entry(test, below, event, reference)
        print("blend", out["blend of both distributions"], flush=True)
        file.write_text(json.dumps(out, indent=1) + "\n")


def entry(test, below, event, reference) -> dict:
    skill = evaluate.score(test, below if below is not None else np.zeros((len(test), len(ANCHORS), len(evaluate.V))), event, reference, {})
    return {
        "brier_skill": [round(skill[str(h)]["brier_skill"], 4) for h in ANCHORS],
        "crps_skill": [round(skill[str(h)]["crps_skill"], 4) for h in ANCHORS] if below is not None else None,
    }


if __name__ == "__main__":
    main()
