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

COVERAGE = 0.9
SPACING = 0.1  # least distance of two knots, in margin
LEAST_DAYS = 60  # days behind a knot
LOW_SLOPE, HIGH_SLOPE = 0.5, 0.8  # log-odds per unit of margin beyond the outermost knots, where the map goes on
STEP = 4.0  # margin between the outermost knot and the one that gives the slope beyond it
BANDS = np.array([0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0])
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()
STRETCHES = np.round(np.arange(1, 2.55, 0.05), 2)
PRIOR_SPREAD = 1.0  # half-normal scale that keeps bands with few floods from running away


@dataclasses.dataclass
class Calibration:
    """Knots, all as log-odds; straight lines between them, and the first and the last line beyond."""

    margin: np.ndarray
    logit: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def at(self, margin: np.ndarray, values: np.ndarray) -> np.ndarray:
        margin = np.asarray(margin, np.float64)
        i = np.clip(np.searchsorted(self.margin, margin, side="right") - 1, 0, len(self.margin) - 2)
        slope = np.diff(values) / np.diff(self.margin)
        return values[i] + (margin - self.margin[i]) * slope[i]

    def probability(self, margin: np.ndarray) -> np.ndarray:
        return expit(self.at(margin, self.logit))

    def stretched(self, factor: float) -> "Calibration":
        """The same probabilities with intervals wider by a factor, in log-odds, to either side."""
        apart = lambda bound: self.logit + factor * (bound - self.logit)
        lower, upper = np.maximum.accumulate(apart(self.lower)), np.maximum.accumulate(apart(self.upper))
        short = lambda v: np.array([float(f"{q:.9g}") for q in v])
        return dataclasses.replace(self, lower=short(np.minimum(lower, self.logit)), upper=short(upper))

    def bounds(self, margin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return expit(self.at(margin, self.lower)), expit(self.at(margin, self.upper))


def centred_isotonic(margin: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knots (margin, log-odds), both strictly increasing."""
    order = np.argsort(margin, kind="stable")
    margin, y, weight = margin[order].astype(np.float64), y[order].astype(np.float64), weight[order]
    level = IsotonicRegression().fit_transform(margin, y, sample_weight=weight)
    block = np.cumsum(np.append(0, np.diff(level) > 0))
    # Neighbouring blocks are merged until each holds LEAST_DAYS and their centres are SPACING apart.
    size, floods, total = np.bincount(block, weight), np.bincount(block, y * weight), np.bincount(block, margin * weight)
    merged = []
    for n, k, s in zip(size, floods, total):
        if merged and (min(n, merged[-1][0]) < LEAST_DAYS or s / n - merged[-1][2] / merged[-1][0] < SPACING):
            n, k, s = n + merged[-1][0], k + merged[-1][1], s + merged[-1][2]
            merged.pop()
        merged.append((n, k, s))
    n, k, s = np.array(merged).T
    x, z = s / n, logit((k + 0.5) / (n + 1))
    rising = np.append(True, (z[1:] > np.maximum.accumulate(z)[:-1] + 1e-3) & (np.diff(x) > SPACING / 10))
    x, z = x[rising], z[rising]
    x = np.concatenate([[x[0] - STEP], x, [x[-1] + STEP]])
    z = np.concatenate([[z[0] - STEP * LOW_SLOPE], z, [z[-1] + STEP * HIGH_SLOPE]])
    return x, z


def counts(p: np.ndarray, y: np.ndarray, basin: np.ndarray, weight: np.ndarray | None = None):
    """Per band and basin: (band, days, floods, mean log-odds of p). Bands are those of BANDS.

    Weights stand for the days that thinning left out; the counts are rounded to whole days.
    """
    weight = np.ones(len(p)) if weight is None else weight
    band = np.clip(np.digitize(p, BANDS) - 1, 0, len(BANDS) - 2)
    key = band * (basin.max() + 1) + basin
    _, key = np.unique(key, return_inverse=True)
    days = np.bincount(key, weight)
    first = np.zeros(len(days), int)
    first[key] = np.arange(len(key))
    centre = logit(np.bincount(key, p * weight) / days)
    floods = np.round(np.bincount(key, y * weight))
    return band[first], np.maximum(np.round(days), np.maximum(floods, 1)), floods, centre


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
    """Days with the margins of boosters that had not seen the region (or, for known places, the years)."""

    margin: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    basin: np.ndarray
    fold: np.ndarray  # group of regions that the booster had not seen; -1 where it had not seen the years

    def where(self, chosen: np.ndarray) -> "Evidence":
        return Evidence(**{f.name: getattr(self, f.name)[chosen] for f in dataclasses.fields(self)})


def join(a: Evidence, b: Evidence) -> Evidence:
    return Evidence(**{f.name: np.append(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(Evidence)})


def knots(e: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """New places and new years at known places count alike, whatever the number of days behind them."""
    weight = e.weight.copy()
    years = e.fold < 0
    if years.any() and not years.all():
        share = weight[~years].sum() / weight[years].sum()
        # Whole days must stay whole days for LEAST_DAYS: the smaller part is not blown up beyond itself.
        weight[years if share < 1 else ~years] *= min(share, 1 / share)
    return centred_isotonic(e.margin, e.y, weight)


def fit(e: Evidence) -> Calibration:
    """Calibrate for new places and for new years at known places alike; the interval is that of new places."""
    x, z = knots(e)
    new = e.where(e.fold >= 0)
    p = np.empty(len(new.y))  # calibrated without the region, as a new place will be
    for fold in np.unique(new.fold):
        inside = new.fold == fold
        blind = Calibration(*knots(e.where(e.fold != fold)), None, None)
        p[inside] = blind.probability(new.margin[inside])
    band, days, floods, centre = counts(p, new.y, new.basin, new.weight)
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
    short = lambda v: np.array([float(f"{q:.9g}") for q in v])
    return Calibration(short(x), short(z), short(np.minimum(lower, z)), short(upper))


def coverage(calibration: Calibration, margin, y, basin, weight=None) -> dict:
    """How often the flood count of a basin lies in the central COVERAGE of what the stored interval predicts for it.

    A basin's count scatters because places differ (the interval) and because floods are few (binomial). Both are in the
    prediction; ties of the discrete count are split at random with a fixed seed (randomised probability integral transform).
    """
    p = calibration.probability(margin)
    band, days, floods, centre = counts(p, y, basin, weight)
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
