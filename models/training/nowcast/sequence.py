"""A request's readings -> the hourly grid that features.py reads. domain/nowcast/sequence.go mirrors this file
where nothing is doubtful: lone rises, gauges that stand still and thresholds that do not fit are judged there alone.

A reading is (seconds, rainfall_mm, water_level_m, discharge_m3s); NaN is missing. Times are seconds since any epoch.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from features import HOURS

# Codes for no data that occur in golden requests; domain/doubt has them all.
CODES = (-9999.0, -999.0, 9999.0)
LEAST_Z = -20.0
SPIKE_Z = 0.7  # a single reading that leaves and returns by more is a spike
SPIKE_HOURS = 3.0  # neighbours farther away confirm nothing
MAX_VALUE = 1e7  # of a river without thresholds, in m or m3/s
MAX_RAIN = 400.0  # mm in one hour; the record is 305 mm in 42 min (Holt, Missouri, 1947)
RIVER_HOURS = 72  # a river that was last read longer ago is not a river series


@dataclasses.dataclass
class Grid:
    """Index k is k hours before the last reading."""

    z: np.ndarray  # NaN where no level; all NaN without a river
    rain: np.ndarray
    origin: float = math.nan  # value at z = 0
    scale: float = math.nan  # value per z
    series: str = "none"  # level, discharge or none
    scaled: bool = False  # origin and scale are the river's own


def grid(times, rain, level, discharge, normal=math.nan, threshold=math.nan) -> Grid:
    times = np.asarray(times, float)
    age = np.floor((times[-1] - times) / 3600).astype(int)
    first = int(np.argmax(age < HOURS))
    g = Grid(np.full(HOURS, np.nan), np.full(HOURS, np.nan))
    _rain(g.rain, times, rain, age, first)
    for name, values in (("level", level), ("discharge", discharge)):
        use = [i for i in range(first, len(times)) if not math.isnan(values[i])]
        values = list(values)
        scaled = threshold > normal
        use = [i for i in use if _plausible(values[i], normal, threshold, scaled)]
        if not use or age[use[-1]] >= RIVER_HOURS:
            continue
        if scaled:
            origin, scale = normal, threshold - normal
        else:
            seen = sorted(values[i] for i in use)
            n = len(seen)
            origin = (seen[(n - 1) // 2] + seen[n // 2]) / 2
            least = 1.0 if name == "level" else 10 * max(abs(origin), 0.01)
            scale = max(least, 1.2 * (seen[-1] - origin))
        z = [(values[i] - origin) / scale for i in use]
        for j in range(len(use)):
            if _spike(z, times, use, j):
                continue
            g.z[age[use[j]]] = z[j]
        g.origin, g.scale, g.series, g.scaled = origin, scale, name, bool(scaled)
        break
    return g


def _plausible(value, normal, threshold, scaled) -> bool:
    if value in CODES:
        return False
    return (value - normal) / (threshold - normal) >= LEAST_Z if scaled else abs(value) < MAX_VALUE


def _spike(z, times, use, j) -> bool:
    """Compared with the raw neighbours, so that the order of decisions does not matter."""
    if j == 0 or j == len(use) - 1:
        return False
    before, after = z[j] - z[j - 1], z[j] - z[j + 1]
    near = max(times[use[j]] - times[use[j - 1]], times[use[j + 1]] - times[use[j]]) <= SPIKE_HOURS * 3600
    least = min(abs(before), abs(after))
    return near and before * after > 0 and least > SPIKE_Z and abs(z[j + 1] - z[j - 1]) < 0.3 * least


def _rain(out, times, rain, age, first) -> None:
    """Rain of a reading fell since the reading before, within one usual step; hourly or finer steps go to their hour."""
    steps = sorted(np.diff(times[first:]).tolist())
    usual = steps[len(steps) // 2] / 3600 if steps else 1.0
    for i in range(first, len(times)):
        amount = rain[i]
        hours = 1
        if usual > 1.5:
            hours = min(24, int(math.floor(usual + 0.5)))
            if i > 0:
                hours = max(1, min(hours, int(math.floor((times[i] - times[i - 1]) / 3600 + 0.5))))
        if math.isnan(amount) or amount < 0 or amount > MAX_RAIN * hours:
            continue
        for k in range(age[i], min(age[i] + hours, HOURS)):
            out[k] = (0.0 if math.isnan(out[k]) else out[k]) + amount / hours
