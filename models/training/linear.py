"""The part of a margin that goes on where the data end: a logistic regression on logarithms of rain.

Trees are flat beyond their last split. The margin therefore has two parts: this one, linear in a few features that rise
with rain of today or of tomorrow, and under it boosted trees that learn the rest with it as base margin. All coefficients
are positive, so that the sum rises strictly. The Shapley value of a linear term is coefficient * (value - mean).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from features import NAMES

# The trees under the linear part can only add rain's effect, never take it back. A slope below the fitted one leaves them
# the room to say where rain matters little: on snow, on dry ground.
SHRINK = 0.5
LEAST = 0.3  # least slope of the logarithm of rain, in log-odds
# No training basin has seen 300 mm in a day. The slope of log(1 + (rain / 300 mm)^2) is a judgement, not a measurement:
# with it, rain of the world record for a day (1825 mm) adds 11 to the log-odds.
EXTREME = 3.0
RIDGE = 1e-4  # of the weighted mean loss


@dataclasses.dataclass
class Linear:
    """intercept + sum of slope * (value - mean); a missing value counts as the mean."""

    names: list[str]
    mean: np.ndarray
    slope: np.ndarray
    intercept: float

    def terms(self, x: np.ndarray) -> np.ndarray:
        z = np.column_stack([x[:, NAMES.index(n)].astype(np.float64) for n in self.names]) - self.mean
        return np.where(np.isnan(z), 0.0, z) * self.slope

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.intercept + self.terms(x).sum(axis=1)


def fit(x: np.ndarray, label: np.ndarray, weight: np.ndarray, names: list[str], extreme: str, offset=0.0) -> Linear:
    """Fit the terms, the first of them at least LEAST; `extreme` has its slope by judgement."""
    z = np.column_stack([x[:, NAMES.index(n)].astype(np.float64) for n in names])
    w = weight / weight.sum()
    known = ~np.isnan(z)
    mean = (np.where(known, z, 0.0) * w[:, None]).sum(axis=0) / (known * w[:, None]).sum(axis=0)
    centred = np.where(known, z - mean, 0.0)

    def loss(theta):
        m = theta[0] + centred @ theta[1:] + offset
        p = expit(m)
        value = (w * (np.logaddexp(0, m) - label * m)).sum() + RIDGE * (theta[1:] ** 2).sum()
        slope = np.append((w * (p - label)).sum(), centred.T @ (w * (p - label)) + 2 * RIDGE * theta[1:])
        return value, slope

    bounds = [(None, None), (LEAST / SHRINK, None)] + [(0.0, None)] * (len(names) - 1)
    start = np.append(-4.0 if np.isscalar(offset) else 0.0, np.ones(len(names)))
    best = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 200}).x
    slope = best[1:] * SHRINK
    # The intercept again, so that the mean probability stays right under the smaller slopes.
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        p = expit(middle + centred @ slope + offset)
        low, high = (middle, high) if (w * p).sum() < (w * label).sum() else (low, middle)
    digits = lambda v: np.array([float(f"{q:.6g}") for q in np.atleast_1d(v)])
    extremes = x[:, NAMES.index(extreme)].astype(np.float64)
    return Linear(
        [*names, extreme],
        digits(np.append(mean, np.nansum(extremes * w) / (w * ~np.isnan(extremes)).sum())),
        digits(np.append(slope, EXTREME)),
        float(digits(low)[0]),
    )
