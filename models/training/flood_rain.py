"""How much rain usually brings a flood to a catchment like this, from its site attributes.

Twenty millimetres are a drizzle to one river and a disaster to another. A ridge regression over the training basins
tells the two apart more robustly than trees can: the logarithm of the antecedent index on the first day of a flood (mean
over a basin's floods) is linear in the site attributes. Rain features divided by the answer mean the same everywhere.

FITTED holds the coefficients of schema risk-1, fitted to all development data; domain/vector holds the same numbers. To
score a split honestly, the training run fits them again without the data that the split leaves out.
"""

from __future__ import annotations

import dataclasses

import numpy as np

# Attributes in the order of summation, and whether their logarithm enters. A missing one counts as the training mean.
ATTRIBUTES = {
    "elevation_m": False,
    "slope_m_per_km": True,
    "area_km2": True,
    "soil_depth_m": False,
    "soil_porosity": False,
    "soil_conductivity_cm_h": True,
    "soil_water_capacity_m": False,
    "sand_percent": False,
    "clay_percent": False,
    "precipitation_mean_mm_day": True,
    "pet_mean_mm_day": False,
    "precipitation_seasonality": False,
    "snow_fraction": False,
    "aridity": True,
    "high_precipitation_days": False,
    "forest_fraction": False,
    "leaf_area_index_max": False,
    "geology_permeability_log10_m2": False,
}
LEAST = 1e-3  # a logarithm is taken of nothing smaller
RIDGE = 20.0  # penalty on the standardised coefficients


@dataclasses.dataclass(frozen=True)
class FloodRain:
    """log(index) = intercept + sum of slope * (attribute - mean), held within the range of the training basins."""

    mean: tuple[float, ...]
    intercept: float
    slope: tuple[float, ...]
    low: float
    high: float

    def __call__(self, site: dict[str, np.ndarray]) -> np.ndarray:
        """The usual index in mm; NaN where the site's mean precipitation is not known."""
        log = np.full_like(site["precipitation_mean_mm_day"], self.intercept)
        for (name, logged), mean, slope in zip(ATTRIBUTES.items(), self.mean, self.slope):
            log = log + np.where(np.isnan(site[name]), 0.0, slope * (transformed(site[name], logged) - mean))
        index = np.exp(np.clip(log, self.low, self.high))
        return np.where(np.isnan(site["precipitation_mean_mm_day"]), np.nan, index)


def transformed(values: np.ndarray, logged: bool) -> np.ndarray:
    return np.log(np.maximum(values, LEAST)) if logged else values


def fit(index: np.ndarray, basin: np.ndarray, site: dict[str, np.ndarray]) -> FloodRain:
    """Fit to the index and the site on the first day of many floods."""
    basins, inverse = np.unique(basin, return_inverse=True)
    log = np.bincount(inverse, np.log(np.maximum(index, 1.0))) / np.bincount(inverse)
    first = np.unique(inverse, return_index=True)[1]
    x = np.column_stack([transformed(site[n].astype(np.float64)[first], logged) for n, logged in ATTRIBUTES.items()])
    mean, scale = x.mean(axis=0), x.std(axis=0)
    z = (x - mean) / scale
    slope = np.linalg.solve(z.T @ z + RIDGE * np.eye(z.shape[1]), z.T @ (log - log.mean())) / scale
    digits = lambda v: tuple(float(f"{q:.6g}") for q in np.atleast_1d(v))
    fitted = log.mean() + (x - mean) @ slope
    return FloodRain(digits(mean), *digits(log.mean()), digits(slope), *digits(fitted.min()), *digits(fitted.max()))
