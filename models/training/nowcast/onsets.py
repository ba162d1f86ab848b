"""What the model says when a river crosses its threshold, and one reading before; real events and rescaled ones."""

from __future__ import annotations

import numpy as np

import features
import network
import samples
from data import HORIZONS, Station

STRETCHES = (1.0, 1.5, 2.0, 3.0)  # of the river above its normal
FACTORS = (1, 2, 3)  # hours that take one
HEAVY = 20.0  # mm/h
LEAP = 0.3  # z in the hour of the crossing, from which the onset is that of a flash flood
MODERATE = 0.02  # probability from which the level is above very_low


def crossings(s: Station, stretch: float, first: int) -> np.ndarray:
    """Hours from `first` on at which the stretched river is at its threshold and an hour before was not."""
    z = s.z * stretch
    with np.errstate(invalid="ignore"):
        at = np.flatnonzero((z[1:] >= 1) & (z[:-1] < 1)) + 1
    return at[(at >= first) & (at > 24) & (at < len(z) - 1)]


def rows(s: Station, stretch: float, at: np.ndarray) -> samples.Rows:
    z, rain = samples.windows(s.z)[at] * stretch, samples.windows(s.rain)[at].copy()
    z[:, 168:], rain[:, 168:] = np.nan, np.nan
    n = len(at)
    nothing = np.zeros((n, len(HORIZONS)), np.float32)
    y = samples.future(s.z)[at] * stretch
    return samples.Rows(features.assemble(z, rain).astype(np.float32), y, nothing, np.ones(n), np.zeros(n, int), at, z[:, 0])


def chance(member: network.Member, r: samples.Rows, horizons) -> np.ndarray:
    v = np.arcsinh((1 - network.origin(r, True)) / features.SMALL)[:, None]
    return 1 - member.cdf(r, horizons, v)[:, :, 0]


def check(stations: list[Station], members: dict[str, network.Member]) -> dict:
    """A member whose name ends with `later` was trained before the last quarter of each record and answers for that alone."""
    out = {}
    for who, member in members.items():
        for factor in FACTORS:
            for stretch in STRETCHES:
                p, above, leap, calm = [], [], [], []
                for s in stations:
                    first = s.split(0.75) // factor if who.endswith("later") else 0
                    quick = samples.accelerate(s, factor, 0) if factor > 1 else s
                    at = crossings(quick, stretch, first)
                    at = at[~np.isnan(quick.z[at])]
                    if len(at) == 0:
                        continue
                    r = rows(quick, stretch, at)
                    p.append(chance(member, r, (1,))[:, 0])
                    above.append(r.y[:, 0])
                    leap.append((quick.z[at] - quick.z[at - 1]) * stretch >= LEAP)
                    wet = at[(np.nan_to_num(quick.rain[at - 1]) > HEAVY) & ~np.isnan(quick.z[at - 1])] - 1
                    if len(wet):
                        calm.append(chance(member, rows(quick, stretch, wet), (1, 3, 6, 12, 24)).max(axis=1))
                p, above, leap = np.concatenate(p), np.concatenate(above), np.concatenate(leap)
                calm = np.concatenate(calm) if calm else np.zeros(0)
                ok = ~np.isnan(above)
                out[f"{who}, {factor} h in one, river times {stretch:g}"] = {
                    "onsets": len(p), "at_least_0.9": float((p >= 0.9).mean()), "lowest": float(p.min()), "mean": float(p.mean()),
                    "still_above": float((above[ok] >= 1).mean()),
                    "flash": int(leap.sum()), "flash_at_least_0.9": float((p[leap] >= 0.9).mean()), "flash_mean": float(p[leap].mean()),
                    "flash_still_above": float((above[ok & leap] >= 1).mean()), "before_in_heavy_rain": len(calm),
                    "very_low_before": int((calm < MODERATE).sum()),
                }
                print("onsets", list(out)[-1], list(out.values())[-1], flush=True)
    return out
