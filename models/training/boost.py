"""Sample rows, train the parts of one member: a linear part, the trees under it, and the same for the forecast."""

from __future__ import annotations

import dataclasses

import numpy as np
import xgboost as xgb

import data
import linear
from features import MONOTONE, NAMES, TOMORROW, assemble

# Bins of a feature, equally filled by the days of the sample and not by their weights: a flood day weighs as much as any
# other day, so that weighted bins would hold all days above a site's 2-year rain in one.
BINS = 512
CHUNK = 8_000  # rows assembled at a time, to bound memory
FORECAST_SETTINGS = {"rounds": 60, "max_depth": 4, "eta": 0.1, "subsample": 0.6, "colsample_bytree": 0.5,
                     "min_child_weight": 60, "reg_lambda": 20}


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


def matrix(basins: data.Basins, basin: np.ndarray, day: np.ndarray, hide, view=None) -> np.ndarray:
    """Features of the given basin days, of which `hide` removes inputs; `view` says what of them is read."""
    out = []
    for i in range(0, len(day), CHUNK):
        rows = hide(data.rows_at(basins, basin[i:i + CHUNK], day[i:i + CHUNK]))
        out.append(assemble(rows, view and view(rows)))
    return np.concatenate(out)


def soft_label(peak: np.ndarray, width: float) -> np.ndarray:
    """The chance that a flow of `peak` times the 2-year level is a flood when that level is known to `width` in log.

    A day at 99 % of the threshold and one at 1 % are both "no flood", yet they do not teach the same; the softened
    label tells the booster which of them it was. Calibration is against the hard label.
    """
    return 1 / (1 + np.maximum(peak, 1e-6) ** (-1 / width))


@dataclasses.dataclass
class Part:
    """A linear part and the trees under it."""

    linear: linear.Linear
    booster: xgb.Booster

    def margin(self, x: np.ndarray, base=None) -> np.ndarray:
        """float64, as the service adds: the linear part in double, the trees in single precision."""
        start = self.linear(x) if base is None else base + self.linear(x)
        return start + self.trees(x).astype(np.float64)

    def trees(self, x: np.ndarray) -> np.ndarray:
        d = xgb.DMatrix(x, feature_names=NAMES)
        return self.booster.predict(d, output_margin=True)


def without_tomorrow(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x[:, [NAMES.index(n) for n in TOMORROW]] = np.nan
    return x


def fit(x: np.ndarray, label: np.ndarray, weight: np.ndarray, terms: dict[str, float], settings: dict, threads: int,
        base=None) -> Part:
    """Set the linear part, then fit the trees with it as base margin, on top of the margin `base` if there is one."""
    part = linear.fit(x, label, weight, terms, 0.0 if base is None else base)
    params = {"objective": "binary:logistic", "tree_method": "hist", "monotone_constraints": tuple(MONOTONE),
              "nthread": threads, "base_score": 0.5, "max_bin": BINS, **settings}
    rounds = params.pop("rounds")
    start = part(x) if base is None else base + part(x)
    bins = xgb.QuantileDMatrix(x, max_bin=BINS, nthread=threads, feature_names=NAMES)
    d = xgb.QuantileDMatrix(x, label=label, weight=weight, base_margin=start, ref=bins, max_bin=BINS, nthread=threads,
                            feature_names=NAMES)
    return Part(part, xgb.train(params, d, rounds))
