"""Sample rows, train one booster."""

from __future__ import annotations

import dataclasses

import numpy as np
import xgboost as xgb

import data
from features import MONOTONE, NAMES, assemble
from masking import Member, hide_at_random

CHUNK = 50_000  # rows assembled at a time, to bound memory


@dataclasses.dataclass
class Sample:
    """Labelled rows with the weights that undo the thinning of uneventful days."""

    basin: np.ndarray
    day: np.ndarray
    y: np.ndarray
    peak: np.ndarray
    weight: np.ndarray

    def take(self, index) -> "Sample":
        return Sample(**{f.name: getattr(self, f.name)[index] for f in dataclasses.fields(self)})

    def __len__(self) -> int:
        return len(self.y)


def draw(basins: data.Basins, first: int, last: int, quiet: float, rng: np.random.Generator) -> Sample:
    """All flood days, most days of high flow or heavy rain, and the share `quiet` of the others."""
    basin, day, y, peak = data.labelled(basins, first, last)
    usual = np.nanmean(basins.rain, axis=1)
    storm = sum(decay * basins.rain[basin, day - age] for age, decay in enumerate((1, 0.8, 0.5, 0.3))) / usual[basin]
    keep = np.full(len(y), quiet)
    keep[(storm > 8) | (peak > 0.2)] = min(1.0, 5 * quiet)
    keep[peak > 0.5] = min(1.0, 15 * quiet)
    keep[y] = 1.0
    chosen = rng.random(len(y)) < keep
    return Sample(basin[chosen], day[chosen], y[chosen], peak[chosen], 1 / keep[chosen])


def matrix(basins: data.Basins, basin: np.ndarray, day: np.ndarray, hide, days: int = data.HISTORY) -> np.ndarray:
    """Features of the given basin days, of which `hide` removes inputs, from so many days of rain history."""
    chunks = (slice(i, i + CHUNK) for i in range(0, len(day), CHUNK))
    return np.concatenate([assemble(hide(data.rows_at(basins, basin[c], day[c], days))) for c in chunks])


def training_matrix(basins: data.Basins, sample: Sample, member: Member, copies: int, rng) -> np.ndarray:
    """The sample `copies` times, each time with other inputs hidden."""
    return np.concatenate(
        [matrix(basins, sample.basin, sample.day, lambda r: hide_at_random(r, member, rng)) for _ in range(copies)]
    )


def soft_label(peak: np.ndarray, width: float) -> np.ndarray:
    """The chance that a flow of `peak` times the 2-year level is a flood when that level is known to `width` in log.

    A day at 99 % of the threshold and one at 1 % are both "no flood", yet they do not teach the same; the softened
    label tells the booster which of them it was. Calibration is against the hard label.
    """
    return 1 / (1 + np.maximum(peak, 1e-6) ** (-1 / width))


def fit(x: np.ndarray, label: np.ndarray, weight: np.ndarray, settings: dict, threads: int) -> xgb.Booster:
    params = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "monotone_constraints": tuple(MONOTONE),
        "nthread": threads,
        **settings,
    }
    rounds = params.pop("rounds")
    return xgb.train(params, xgb.DMatrix(x, label=label, weight=weight, feature_names=NAMES), rounds)


def margin(booster: xgb.Booster, x: np.ndarray) -> np.ndarray:
    return booster.predict(xgb.DMatrix(x, feature_names=NAMES), output_margin=True)
