"""Verification: Brier skill, continuous ranked probability skill, onsets, coverage, and what the decision levels detect."""

from __future__ import annotations

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score

import features
from data import ANCHORS
from samples import Rows

# Thresholds at which a distribution function is compared, in v = asinh((z - now) / 0.03); denser near no change.
V = 0.05 * np.sinh(np.linspace(-np.arcsinh(140), np.arcsinh(140), 91))


def crps(below: np.ndarray, z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Integral of (F - 1[y <= threshold])^2 (Hersbach 2000, doi:10.1175/1520-0434(2000)015<0559:DOTCRP>2.0.CO;2)."""
    threshold = z[:, None] + features.SMALL * np.sinh(V)
    square = (below - (threshold >= y[:, None])) ** 2
    return ((square[:, 1:] + square[:, :-1]) / 2 * np.diff(threshold, axis=1)).sum(axis=1)


def persistence(z: np.ndarray, event: np.ndarray, at: np.ndarray) -> np.ndarray:
    return IsotonicRegression(out_of_bounds="clip").fit(z, event).predict(at)


def score(rows: Rows, below: np.ndarray, p: np.ndarray, reference: np.ndarray, cuts: dict, groups, seed: int = 1, horizons=ANCHORS) -> dict:
    """below: rows x horizons x V; p, reference: rows x horizons; groups: system by station. Intervals resample blocks of 30 days."""
    rng = np.random.default_rng(seed)
    block = rows.station * 100000 + rows.hour // 720
    _, block = np.unique(block, return_inverse=True)
    out = {}
    for j, h in enumerate(horizons):
        y = rows.y[:, h - 1].astype(float)
        ok = ~np.isnan(y)
        event = (y >= 1).astype(float)
        error, base = (p[:, j] - event) ** 2, (reference[:, j] - event) ** 2
        e, b = np.bincount(block[ok], error[ok], block.max() + 1), np.bincount(block[ok], base[ok], block.max() + 1)
        draws = rng.integers(0, len(e), (300, len(e)))
        samples = 1 - e[draws].sum(axis=1) / b[draws].sum(axis=1)
        onset = ok & (rows.z < 1)
        skills, covers = {}, {}
        for i in np.unique(rows.station):
            mine = ok & (rows.station == i)
            change = np.abs(y[mine] - rows.z[mine])
            skills[int(i)] = float(1 - crps(below[mine, j], rows.z[mine], y[mine]).mean() / change.mean())
            v = np.arcsinh((y[mine] - rows.z[mine]) / features.SMALL)
            f = below[mine, j]
            k = np.clip(np.searchsorted(V, v), 1, len(V) - 1)
            share = np.clip((v - V[k - 1]) / (V[k] - V[k - 1]), 0, 1)
            at = np.arange(len(v))
            pit = f[at, k - 1] + share * (f[at, k] - f[at, k - 1])
            covers[int(i)] = float(((pit >= 0.1) & (pit <= 0.9)).mean())
        levels = {}
        for name, cut in cuts.items():
            warned = p[:, j] >= cut
            hits, total, alarms = (warned & (event == 1))[ok].sum(), event[ok].sum(), warned[ok].sum()
            oh, ot, oa = (warned & (event == 1))[onset].sum(), event[onset].sum(), warned[onset].sum()
            levels[name] = {
                "pod": float(hits / total), "far": float(1 - hits / max(alarms, 1)),
                "onset_pod": float(oh / max(ot, 1)), "onset_far": float(1 - oh / max(oa, 1)),
            }
        out[str(h)] = {
            "brier_skill": float(1 - error[ok].mean() / base[ok].mean()),
            "brier_skill_interval": [float(v) for v in np.quantile(samples, [0.05, 0.95])],
            "crps_skill": float(np.median(list(skills.values()))), "crps_skill_by_station": skills,
            "coverage": float(np.median(list(covers.values()))), "coverage_by_station": covers,
            "coverage_of_systems": float(np.mean([np.mean([c for i, c in covers.items() if groups[i] == g]) for g in {groups[i] for i in covers}])),
            "onset_average_precision": float(average_precision_score(event[onset], p[onset, j])),
            "events": int(event[ok].sum()), "levels": levels,
        }
    return out
