"""Scores in the words of forecast verification (POD, FAR = false alarm ratio, CSI, Brier skill, average precision)."""

from __future__ import annotations

import numpy as np

GAP = 3  # days; floods or alarms no farther apart are one event
BOOTSTRAPS = 30
BINS = 20  # of the calibration error


def expected_calibration_error(y, p) -> float:
    """Mean distance of forecast and frequency over bins with equally many days."""
    order = np.argsort(p, kind="stable")
    return float(sum(abs(y[part].mean() - p[part].mean()) * len(part) for part in np.array_split(order, BINS)) / len(y))


def episodes(basin, day, flag):
    """Runs of flagged days of one basin, merged over gaps of up to GAP days: (basin, first day, last day)."""
    b, d = basin[flag], day[flag]
    if not len(b):
        return b, d, d
    new = np.append(True, (np.diff(b) != 0) | (np.diff(d) > GAP))
    start = np.flatnonzero(new)
    end = np.append(start[1:], len(b)) - 1
    return b[start], d[start], d[end]


def overlaps(a, b) -> np.ndarray:
    """For each episode of a: does an episode of b share a day with it?"""
    span = 1_000_000  # more than any calendar; makes (basin, day) one sortable number
    last_b = b[0] * span + b[2]
    i = np.searchsorted(last_b, a[0] * span + a[1])
    ok = i < len(last_b)
    i = np.minimum(i, len(last_b) - 1)
    return ok & (b[0][i] == a[0]) & (b[1][i] <= a[2]) if len(last_b) else np.zeros(len(a[0]), bool)


def event_scores(basin, day, y, alarm) -> dict:
    """Hits, misses and false alarms counted in events. Rows are ordered by basin and day; y is flood today or tomorrow."""
    truth, warned = episodes(basin, day, y), episodes(basin, day, alarm)
    hit, right = overlaps(truth, warned), overlaps(warned, truth)
    hits, misses, false = int(hit.sum()), int((~hit).sum()), int((~right).sum())
    return {
        "pod": hits / max(hits + misses, 1),
        "far": false / max(false + int(right.sum()), 1),
        "csi": hits / max(hits + misses + false, 1),
        "f1": 2 * hits / max(2 * hits + misses + false, 1),
        "events": hits + misses,
    }


class Scorer:
    """Skill of probabilities on days of several basins, for any multiset of the basins."""

    def __init__(self, basin, day, y, p, cut):
        basin = np.unique(basin, return_inverse=True)[1]
        n = basin.max() + 1
        truth, warned = episodes(basin, day, y), episodes(basin, day, p >= cut)
        hit, right = overlaps(truth, warned), overlaps(warned, truth)
        per = lambda index, value=None: np.bincount(index, value, minlength=n)
        self.days, self.floods = per(basin), per(basin, y)
        self.squares = per(basin, (p - y) ** 2)
        self.hits, self.misses, self.false = per(truth[0][hit]), per(truth[0][~hit]), per(warned[0][~right])
        # Equally filled bins of p, for the calibration error; [bin, basin] sums of p - y.
        bin_of = np.empty(len(p), int)
        bin_of[np.argsort(p, kind="stable")] = np.arange(len(p)) * BINS // len(p)
        self.bias = np.bincount(bin_of * n + basin, p - y, minlength=BINS * n).reshape(BINS, n)
        down = np.argsort(-p, kind="stable")
        self.down, self.flood_down = basin[down], y[down].astype(np.float64)
        self.last_of_tie = np.append(np.diff(p[down]) != 0, True)

    def __call__(self, weight: np.ndarray) -> dict:
        """Scores when basin b counts weight[b] times."""
        total, floods = self.days @ weight, self.floods @ weight
        w = weight[self.down]
        flagged = np.cumsum(w)[self.last_of_tie]
        found = np.cumsum(w * self.flood_down)[self.last_of_tie]
        gain = np.diff(found, prepend=0.0)
        base = floods / total
        hits, wrong = self.hits @ weight, (self.misses + self.false) @ weight
        return {
            "average_precision": float((gain * found / np.maximum(flagged, 1)).sum() / floods),
            "brier_skill": float(1 - self.squares @ weight / total / (base * (1 - base))),
            "event_f1": float(2 * hits / (2 * hits + wrong)),
            "ece": float(np.abs(self.bias @ weight).sum() / total),
        }


def with_intervals(basin, day, y, p, cut, seed=0) -> dict:
    """Scores with 90 % intervals from resampling whole basins, which keeps the days of a place together."""
    scorer = Scorer(basin, day, y, p, cut)
    n = len(scorer.days)
    rng = np.random.default_rng(seed)
    draws = [scorer(np.bincount(rng.integers(0, n, n), minlength=n).astype(float)) for _ in range(BOOTSTRAPS)]
    out = {}
    for name, value in scorer(np.ones(n)).items():
        low, high = np.quantile([d[name] for d in draws], [0.05, 0.95])
        out[name] = {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
    return out


RELIABILITY_BINS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
TAIL_BINS = (1.0, 1.25, 1.5, 2.0, np.inf)  # rain of today over the site's 2-year daily rain


def reliability(y, p) -> list[dict]:
    """Observed frequency and mean probability by bins of the probability, and whether they agree.

    "inside" says whether the number of floods lies in the central 90 % of what independent days with these probabilities
    would bring (normal approximation). Flood days come in runs, so the true band is wider.
    """
    out = []
    for low, high in zip(RELIABILITY_BINS, RELIABILITY_BINS[1:]):
        use = (p >= low) & ((p < high) if high < 1 else True)
        if use.any():
            scatter = 1.645 * np.sqrt((p[use] * (1 - p[use])).sum()) + 0.5
            out.append({
                "from": low, "to": high, "days": int(use.sum()), "predicted": round(float(p[use].mean()), 4),
                "observed": round(float(y[use].mean()), 4),
                "inside": bool(abs(y[use].sum() - p[use].sum()) <= scatter),
            })
    return out


def tail(y, p, rain, two_year) -> list[dict]:
    """Observed frequency and mean probability on days with more rain than the 2-year daily rain of the site."""
    out, relative = [], rain / two_year
    for low, high in zip(TAIL_BINS, TAIL_BINS[1:]):
        use = (relative >= low) & (relative < high)
        if use.any():
            out.append({"from": low, "to": None if high == np.inf else high, "days": int(use.sum()),
                        "predicted": round(float(p[use].mean()), 4), "observed": round(float(y[use].mean()), 4)})
    return out
