"""From margins to probabilities and to intervals that hold at places the model never saw.

Calibration is centred isotonic regression (Oron and Flournoy 2017): the pooled blocks of an isotonic fit become knots at
their centres, joined by straight lines in log-odds, so that no two margins share a probability. It is fitted on margins
of boosters that had not seen the region, and of boosters that had not seen the years, in equal parts.

The interval speaks about places. Within a band of similar probability, the flood frequency of basin b is modelled as
sigmoid(logit(p) + shift + spread * z_b), z_b standard normal, and shift and spread are fitted by maximum likelihood to
the basins' flood counts. Its central 90 % is stored beside the calibrated probability.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import binom, norm
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from evaluate import expected_calibration_error

COVERAGE = 0.9
SPACING = 0.1  # least distance of two knots, in margin
LEAST_DAYS = 60  # days behind a knot
TAIL, TAIL_SLOPE = 4.0, 0.5  # beyond the outermost knots the map goes on, less steeply, for this long, then stays
FLOOR, CEILING = 1e-5, 1 - 1e-3
BANDS = np.array([0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0])
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()
STRETCHES = np.round(np.arange(1, 2.55, 0.05), 2)
PRIOR_SPREAD = 1.0  # half-normal scale that keeps bands with few floods from running away


@dataclasses.dataclass
class Calibration:
    """Knots, all as log-odds; straight lines between them, constant beyond."""

    margin: np.ndarray
    logit: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def probability(self, margin: np.ndarray) -> np.ndarray:
        return expit(np.interp(margin, self.margin, self.logit))

    def stretched(self, factor: float) -> "Calibration":
        """The same probabilities with intervals wider by a factor, in log-odds, to either side."""
        apart = lambda bound: self.logit + factor * (bound - self.logit)
        lower, upper = np.maximum.accumulate(apart(self.lower)), np.maximum.accumulate(apart(self.upper))
        rounded = lambda v: logit(np.array([float(f"{p:.9g}") for p in expit(v)]))
        return dataclasses.replace(self, lower=rounded(np.minimum(lower, self.logit)), upper=rounded(upper))

    def bounds(self, margin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return expit(np.interp(margin, self.margin, self.lower)), expit(np.interp(margin, self.margin, self.upper))


def centred_isotonic(margin: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knots (margin, log-odds), both strictly increasing."""
    order = np.argsort(margin, kind="stable")
    margin, y = margin[order].astype(np.float64), y[order].astype(np.float64)
    level = IsotonicRegression().fit_transform(margin, y)
    block = np.cumsum(np.append(0, np.diff(level) > 0))
    # Neighbouring blocks are merged until each holds LEAST_DAYS and their centres are SPACING apart.
    size, floods, total = np.bincount(block), np.bincount(block, y), np.bincount(block, margin)
    merged = []
    for n, k, s in zip(size, floods, total):
        if merged and (min(n, merged[-1][0]) < LEAST_DAYS or s / n - merged[-1][2] / merged[-1][0] < SPACING):
            n, k, s = n + merged[-1][0], k + merged[-1][1], s + merged[-1][2]
            merged.pop()
        merged.append((n, k, s))
    n, k, s = np.array(merged).T
    x, z = s / n, logit((k + 0.5) / (n + 1))
    rising = np.append(True, z[1:] > np.maximum.accumulate(z)[:-1])
    x, z = x[rising], z[rising]
    x = np.concatenate([[x[0] - TAIL], x, [x[-1] + TAIL]])
    z = np.concatenate([[z[0] - TAIL * TAIL_SLOPE], z, [z[-1] + TAIL * TAIL_SLOPE]])
    inside = (z > logit(FLOOR)) & (z < logit(CEILING))
    return x[inside], z[inside]


def counts(p: np.ndarray, y: np.ndarray, basin: np.ndarray):
    """Per band and basin: (band, days, floods, mean log-odds of p). Bands are those of BANDS."""
    band = np.clip(np.digitize(p, BANDS) - 1, 0, len(BANDS) - 2)
    key = band * (basin.max() + 1) + basin
    _, key = np.unique(key, return_inverse=True)
    days = np.bincount(key)
    first = np.zeros(len(days), int)
    first[key] = np.arange(len(key))
    return band[first], days, np.bincount(key, y), logit(np.bincount(key, p) / days)


def place_effect(days, floods, centre) -> tuple[float, float]:
    """Maximum-likelihood (shift, spread) of the basins' log-odds around the calibrated ones."""

    def loss(theta):
        shift, spread = theta[0], np.exp(theta[1])
        q = expit(centre[:, None] + shift + spread * NODES)
        ll = binom.logpmf(floods[:, None], days[:, None], np.clip(q, 1e-9, 1 - 1e-9))
        top = ll.max(axis=1)
        total = (top + np.log((np.exp(ll - top[:, None]) * NODE_WEIGHTS).sum(axis=1))).sum()
        return -total + 0.5 * (spread / PRIOR_SPREAD) ** 2 + 0.5 * shift**2

    best = minimize(loss, [-0.2, np.log(0.7)], method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-3})
    return float(best.x[0]), float(np.exp(best.x[1]))


@dataclasses.dataclass
class Evidence:
    """Days drawn evenly in time, with the margins of boosters that had not seen the region, or not the years."""

    unseen_region: np.ndarray
    unseen_years: np.ndarray
    y: np.ndarray
    basin: np.ndarray
    fold: np.ndarray  # group of regions of the basin

    def where(self, chosen: np.ndarray) -> "Evidence":
        return Evidence(**{f.name: getattr(self, f.name)[chosen] for f in dataclasses.fields(self)})


def knots(e: Evidence) -> tuple[np.ndarray, np.ndarray]:
    return centred_isotonic(np.append(e.unseen_region, e.unseen_years), np.append(e.y, e.y))


def fit(e: Evidence) -> Calibration:
    """Calibrate for new places and for new years at known places alike; the interval is that of new places."""
    x, z = knots(e)
    p = np.empty(len(e.y))  # calibrated without the region, as a new place will be
    for fold in np.unique(e.fold):
        inside = e.fold == fold
        p[inside] = expit(np.interp(e.unseen_region[inside], *knots(e.where(~inside))))
    band, days, floods, centre = counts(p, e.y, e.basin)
    at, shift, spread = [], [], []
    for k in np.unique(band):
        use = band == k
        s, t = place_effect(days[use], floods[use], centre[use])
        at.append(np.average(centre[use], weights=days[use]))
        shift.append(s)
        spread.append(t)
    half = norm.ppf(0.5 + COVERAGE / 2)
    middle, width = z + np.interp(z, at, shift), half * np.interp(z, at, spread)
    lower = np.maximum.accumulate(np.minimum(middle - width, z))
    upper = np.maximum.accumulate(np.maximum(middle + width, z))
    rounded = lambda v: logit(np.array([float(f"{p:.9g}") for p in expit(v)]))
    return Calibration(np.array([float(f"{v:.9g}") for v in x]), rounded(z), rounded(np.minimum(lower, z)), rounded(upper))


def coverage(calibration: Calibration, margin, y, basin) -> dict:
    """How often the flood count of a basin lies in the central COVERAGE of what the stored interval predicts for it.

    A basin's count scatters because places differ (the interval) and because floods are few (binomial). Both are in the
    prediction; ties of the discrete count are split at random with a fixed seed (randomised probability integral transform).
    """
    p = calibration.probability(margin)
    band, days, floods, centre = counts(p, y, basin)
    half = norm.ppf(0.5 + COVERAGE / 2)
    low = np.interp(centre, calibration.logit, calibration.lower)
    high = np.interp(centre, calibration.logit, calibration.upper)
    q = expit((low + high)[:, None] / 2 + (high - low)[:, None] / (2 * half) * NODES)
    at_most = (binom.cdf(floods[:, None], days[:, None], q) * NODE_WEIGHTS).sum(axis=1)
    below = (binom.cdf(floods[:, None] - 1, days[:, None], q) * NODE_WEIGHTS).sum(axis=1)
    u = below + np.random.default_rng(0).random(len(below)) * (at_most - below)
    inside = np.abs(u - 0.5) <= COVERAGE / 2
    telling = days * expit(centre) >= 1  # where at least one flood was expected
    share = {f"{BANDS[k]:g}-{BANDS[k + 1]:g}": round(float(inside[band == k].mean()), 3) for k in np.unique(band)}
    mean = lambda values: float(values.mean()) if len(values) else np.nan
    return {"all": mean(inside), "expecting_one_or_more": mean(inside[telling]), "by_band": share}


def pool(parts: list[dict]) -> dict:
    """Mean of several coverages, each of one group of unseen regions."""
    bands = sorted({b for part in parts for b in part["by_band"]}, key=lambda b: float(b.split("-")[0]))
    mean = lambda values: round(float(np.nanmean(values)), 3)
    return {
        "nominal": COVERAGE,
        "all": mean([p["all"] for p in parts]),
        "expecting_one_or_more": mean([p["expecting_one_or_more"] for p in parts]),
        "by_band": {b: mean([p["by_band"][b] for p in parts if b in p["by_band"]]) for b in bands},
    }


def stretch(checks) -> float:
    """The least factor by which intervals must widen to reach COVERAGE in regions they were not fitted on.

    `checks` has, for each group of regions, a calibration fitted without it and its days (margin, y, basin). Whole regions
    deviate together, which the scatter of single basins around their own mean does not show.
    """
    for factor in STRETCHES:
        pooled = pool([coverage(c.stretched(factor), *days) for c, days in checks])
        if min(pooled["all"], pooled["expecting_one_or_more"]) >= COVERAGE:
            break
    return float(factor)


def compare(margin, y, early, late) -> dict:
    """Log loss and calibration error on later days of maps fitted on earlier ones: raw, Platt, beta, centred isotonic."""
    x = margin.astype(np.float64)
    p = np.clip(expit(x), 1e-7, 1 - 1e-7)
    designs = {"platt": x[:, None], "beta": np.column_stack([np.log(p), -np.log1p(-p)])}
    answers = {"none": p[late]}
    for name, design in designs.items():
        model = LogisticRegression(C=1e6).fit(design[early], y[early])
        answers[name] = model.predict_proba(design[late])[:, 1]
    answers["centred_isotonic"] = expit(np.interp(x[late], *centred_isotonic(margin[early], y[early])))
    return {
        name: {"log_loss": round(float(log_loss(y[late], q)), 6), "ece": round(expected_calibration_error(y[late], q), 6)}
        for name, q in answers.items()
    }
