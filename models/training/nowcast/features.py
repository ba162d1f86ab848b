"""Feature schema nowcast-2: an hourly grid of one sequence -> one row of finite numbers.

domain/nowcast/features.go mirrors this file operation for operation. Index k of a grid means k hours before the last
reading. Levels are in z = (value - normal) / (flood_threshold - normal). Differences are written as asinh(d / 0.03): linear
within a few hundredths of the way from normal to the threshold, logarithmic beyond.
"""

from __future__ import annotations

import numpy as np

SCHEMA = "nowcast-2"  # its first features are those of nowcast-1
HOURS = 336  # length of the grid: 14 days
SMALL = 0.03  # z; where asinh turns from linear to logarithmic

LOOKBACKS = (1, 2, 3, 6, 12, 24, 48, 72, 168)
EXTREMES = (12, 24, 72, 168)
VOLATILITY = (6, 24, 72)
ECHOES = (1, 3, 6, 12, 24)
SUMS = (1, 2, 3, 6, 12, 24, 48, 72)
PEAKS = (6, 24, 72)
STORES = (2, 6, 18, 48)  # h, time constants of linear stores that rain fills
RESPONSE = (2, 6, 18)  # h, stores whose outflow is compared with the observed rises
PUSH = (3, 12)  # h
GRAIN = (24, 72)  # h, windows in which the manner of reading is judged
STILL = 1e-9  # z; smaller steps are none

LEVEL = (
    ["z_now", "z_now_bent"]
    + [f"rise_{h}h" for h in LOOKBACKS]
    + ["bend_1h", "bend_3h"]
    + [f"below_max_{h}h" for h in EXTREMES]
    + [f"above_min_{h}h" for h in EXTREMES]
    + ["age_max_72h", "age_max_168h", "age_min_72h"]
    + [f"volatility_{h}h" for h in VOLATILITY]
    + [f"echo_{h}h" for h in ECHOES]
    + ["level_age"]
)
RAIN = (
    [f"rain_{h}h" for h in SUMS]
    + [f"rain_peak_{h}h" for h in PEAKS]
    + [f"store_{h}h" for h in STORES]
    + ["rain_age", "rain_centroid_24h"]
)
BOTH = (
    ["rain_since_low", "rise_per_mm_since_low"]
    + [f"push_{s}h_{h}h" for s in RESPONSE for h in PUSH]
)
GRAINS = [f"still_{h}h" for h in GRAIN] + [f"rough_{h}h" for h in GRAIN] + ["grain_72h"]  # of the level
FEATURES = LEVEL + RAIN + BOTH + GRAINS


def bend(d: np.ndarray) -> np.ndarray:
    return np.arcsinh(d / SMALL)


def bridge(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of levels with gaps -> without: linear between readings, constant beyond the newest and the oldest. Also the newest's age."""
    n, width = z.shape
    k = np.arange(width)
    seen = ~np.isnan(z)
    newer = np.maximum.accumulate(np.where(seen, k, -1), axis=1)
    older = np.minimum.accumulate(np.where(seen, k, width)[:, ::-1], axis=1)[:, ::-1]
    newest, oldest = np.argmax(seen, axis=1), width - 1 - np.argmax(seen[:, ::-1], axis=1)
    newer = np.where(newer < 0, newest[:, None], newer)
    older = np.where(older >= width, oldest[:, None], older)
    a, b = np.take_along_axis(z, newer, 1), np.take_along_axis(z, older, 1)
    share = (k - newer) / np.maximum(older - newer, 1)
    return np.where(older > newer, a + (b - a) * share, a), newest


def assemble(z: np.ndarray, rain: np.ndarray) -> np.ndarray:
    """Grids (rows x HOURS, newest first, NaN missing; every row of z has a value) -> features, float64."""
    n = len(z)
    z, newest = bridge(z)
    z = np.clip(z, -20, 50)
    r = np.where(np.isnan(rain), 0.0, rain)
    out = []
    z0 = z[:, 0]
    step = z[:, :-1] - z[:, 1:]  # rise within hour k
    out += [z0, np.arcsinh(3 * z0)]
    out += [bend(z0 - z[:, h]) for h in LOOKBACKS]
    out += [bend(z0 - 2 * z[:, 1] + z[:, 2]), bend(z0 - 2 * z[:, 3] + z[:, 6])]
    out += [bend(z[:, :h].max(axis=1) - z0) for h in EXTREMES]
    out += [bend(z0 - z[:, :h].min(axis=1)) for h in EXTREMES]
    low72 = z[:, :72].argmin(axis=1)
    out += [np.log1p(z[:, :72].argmax(axis=1)), np.log1p(z[:, :168].argmax(axis=1)), np.log1p(low72)]
    out += [np.arcsinh(np.abs(step[:, :h]).mean(axis=1) / 0.01) for h in VOLATILITY]
    out += [bend(z[:, 25 - h] - z[:, 25]) for h in ECHOES]
    out += [np.log1p(newest)]

    total = np.cumsum(r, axis=1)
    out += [np.log1p(total[:, h - 1]) for h in SUMS]
    out += [np.log1p(r[:, :h].max(axis=1)) for h in PEAKS]
    k = np.arange(HOURS)
    out += [np.log1p(r @ np.exp(-k / s)) for s in STORES]
    falls = r >= 0.5
    out += [np.log1p(np.where(falls.any(axis=1), falls.argmax(axis=1), HOURS))]
    out += [(r[:, :24] * k[:24]).sum(axis=1) / (total[:, 23] + 1)]

    since = np.minimum(low72 + 3, HOURS - 1)
    fallen = total[np.arange(n), since]
    out += [np.log1p(fallen), np.arcsinh(30 * (z0 - z[np.arange(n), low72]) / (fallen + 5))]
    up = np.maximum(step, 0.0)
    for s in RESPONSE:
        decay = np.exp(-1 / s)
        q = np.empty_like(r)  # the store's content, oldest hour first
        content = np.zeros(n)
        for i in range(HOURS - 1, -1, -1):
            content = content * decay + r[:, i]
            q[:, i] = content
        x = q[:, :-1]
        slope = (x * up).sum(axis=1) / ((x * x).sum(axis=1) + 25.0)
        out += [bend(slope * q[:, 0] * (1 - np.exp(-h / s)) * s) for h in PUSH]

    # How the gauge is read: in steps of a centimetre, or smoothly. It decides how far the river moves in an hour.
    size = np.abs(step)
    out += [(size[:, :h] < STILL).mean(axis=1) for h in GRAIN]
    out += [np.arcsinh(np.abs(step[:, :h] - step[:, 1:h + 1]).mean(axis=1) / 0.01) for h in GRAIN]
    least = np.where(size[:, :72] < STILL, np.inf, size[:, :72]).min(axis=1)
    out += [np.arcsinh(np.where(np.isinf(least), 0.0, least) / 0.003)]
    return np.stack(out, axis=1)
