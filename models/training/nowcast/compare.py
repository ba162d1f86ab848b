"""What else was tried, scored alike on unseen river systems; writes comparison.json, which the card quotes.

    /usr/bin/python3 models/training/nowcast/compare.py --data ../shared/data/hydro
"""

from __future__ import annotations

import argparse
import concurrent.futures as futures
import dataclasses
import json
import multiprocessing
import os
import pickle
import zlib
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: threads that wait for each other only get in the way

import numpy as np
import torch
import xgboost as xgb
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

import evaluate
import features
import network
import train_nowcast
from data import ANCHORS

SEED = 5
THIN = 2  # of the test hours, to save time
HIDDEN, RECENT = 32, 72  # units and hours of the recurrent network
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
        fit = xgb.XGBClassifier(n_estimators=120, **(TREES | {"learning_rate": 0.1})).fit(rows.x[use], y[use] >= 1, sample_weight=weights(rows, groups)[use])
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


def mixture(rows, test, groups, settings, kind=network.Member):
    member = network.train(rows, groups, settings, SEED, kind)
    p = train_nowcast.predict(member, test)[:, [network.KNOTS.index(h) for h in ANCHORS]]
    return p[:, :, :-1], 1 - p[:, :, -1]


def net(**changes):
    settings = dataclasses.replace(train_nowcast.MEMBERS["level_rain"], networks=1, **changes)
    return lambda rows, test, groups: mixture(rows, test, groups, settings)


class Recurrent(network.Net):
    """The same outputs and loss, but a gated recurrent unit reads the hourly grid instead of features."""

    CHANNELS = 5

    def __init__(self, hidden: int, dropout: float):
        super().__init__(1, hidden, dropout, False)
        self.hidden1 = torch.nn.GRU(self.CHANNELS, hidden, batch_first=True)

    def body(self, x):
        return self.dropout(functional.silu(self.hidden2(self.dropout(self.hidden1(x)[1][0]))))


class RecurrentMember(network.Member):
    def build(self):
        return Recurrent(self.settings.hidden, self.settings.dropout)

    def standardize(self, rows):
        z, rain = rows.recent[:, 0].astype(np.float64), rows.recent[:, 1]
        now = rows.x[:, [0]]
        z[np.isnan(z).all(axis=1), -1:] = now[np.isnan(z).all(axis=1)]  # last read before the hours that are kept
        whole = np.clip(features.bridge(z)[0], -20, 50)
        x = np.stack([features.bend(whole - now) / 3, np.arcsinh(3 * whole), np.log1p(np.nan_to_num(rain)), np.isnan(z), np.isnan(rain)], axis=2)
        return torch.tensor(np.clip(x[:, ::-1].copy(), -network.INPUT_LIMIT, network.INPUT_LIMIT), dtype=torch.float32)


def recurrent(rows, test, groups):
    settings = network.Settings([0], networks=1, hidden=HIDDEN, dropout=0.1, epochs=3, rate=4e-3)
    return mixture(rows, test, groups, settings, RecurrentMember)


FEW = [features.FEATURES.index(n) for n in (
    "z_now", "z_now_bent", "rise_1h", "rise_3h", "rise_6h", "rise_24h", "bend_1h", "below_max_24h", "above_min_72h", "volatility_24h",
    "rain_3h", "rain_12h", "rain_24h", "rain_72h", "store_6h", "store_18h", "push_6h_12h", "push_18h_12h")]
NETWORK, TREE_CURVE = "mixture network, all features", "boosted trees, distribution regression"
GRU = f"recurrent network (GRU, {HIDDEN} units, {RECENT} h)"
MODELS = {
    "logistic regression, one a horizon": logistic,
    "boosted trees, one a horizon": boosted,
    TREE_CURVE: boosted_distribution,
    GRU: recurrent,
    "mixture network, 18 features": net(columns=FEW, hidden=32),
    NETWORK: net(),
}
BLENDS = {
    "blend of mixture network and boosted trees": (NETWORK, TREE_CURVE),
    "blend of mixture and recurrent network": (NETWORK, GRU),
}
_rows: dict = {}


def job(task):
    """One model, blind to one river system."""
    torch.set_num_threads(1)
    name, group = task
    file = _rows["kept"] and _rows["kept"] / f"{zlib.crc32(repr(task).encode()):08x}.pkl"
    if file and file.exists():
        return pickle.loads(file.read_bytes())
    rows, test, groups = _rows["whole"], _rows["test"], _rows["groups"]
    out = MODELS[name](rows.take(groups[rows.station] != group), test.take(groups[test.station] == group), groups)
    if file:
        file.write_bytes(pickle.dumps(out))
    return out


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args.add_argument("--workers", type=int, default=2)
    args.add_argument("--keep", type=Path, help="keep what the models said in this folder, and do not repeat what it has")
    args = args.parse_args()
    train_nowcast.setup(str(args.data), RECENT)
    state = train_nowcast._state
    test, groups = state["test"], state["groups"]
    test = test.take(np.arange(len(test)) % THIN == 0)
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    _rows.update(kept=args.keep, whole=state["whole"], test=test, groups=groups)
    state.clear()
    systems = np.unique(groups)
    reference = np.full((len(test), len(ANCHORS)), np.nan)
    for g in systems:
        inside = groups[test.station] == g
        for j, h in enumerate(ANCHORS):
            y = test.y[:, h - 1]
            use = ~np.isnan(y) & ~inside
            reference[inside, j] = evaluate.persistence(test.z[use], y[use] >= 1, test.z[inside])
    kept, out = {}, {}
    tasks = [(name, g) for name in MODELS for g in systems]
    with futures.ProcessPoolExecutor(args.workers, mp_context=multiprocessing.get_context("fork")) as pool:
        for (name, g), (b, e) in zip(tasks, pool.map(job, tasks)):
            below, event = kept.setdefault(name, (
                None if b is None else np.full((len(test), *b.shape[1:]), np.nan), np.full((len(test), len(ANCHORS)), np.nan)))
            inside = groups[test.station] == g
            event[inside] = e
            if b is not None:
                below[inside] = b
            if g == systems[-1]:
                out[name] = entry(test, below, event, reference)
                train_nowcast.log(f"{name} {out[name]}")
    for name, (a, b) in BLENDS.items():
        below, event = ((kept[a][i] + kept[b][i]) / 2 for i in (0, 1))
        out[name] = entry(test, below, event, reference)
        train_nowcast.log(f"{name} {out[name]}")
    Path(__file__).with_name("comparison.json").write_text(json.dumps(out, indent=1) + "\n")


def entry(test, below, event, reference) -> dict:
    skill = evaluate.score(test, below if below is not None else np.zeros((len(test), len(ANCHORS), len(evaluate.V))), event, reference, {})
    return {
        "brier_skill": [round(skill[str(h)]["brier_skill"], 4) for h in ANCHORS],
        "crps_skill": [round(skill[str(h)]["crps_skill"], 4) for h in ANCHORS] if below is not None else None,
    }


if __name__ == "__main__":
    main()
