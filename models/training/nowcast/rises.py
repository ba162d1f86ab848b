"""How often a lone rise of the newest reading was real, how often gauges stand still in rain, and how fast rivers fall: the
numbers of the cleaning in domain/nowcast/river.go.

    /usr/bin/python3 models/training/nowcast/rises.py --data ../shared/data/hydro

A rise is lone when the reading before it moved by at most a fifth of it. It was real when the next reading did not take more
than 0.7 of it back. Sixteen hourly gauges (three Italian ones were freed of six spikes over 0.5 m by their source), Hub'Eau and Jakarta's
gates as published. The chance is a logistic regression of ln(rise / 0.7), of rain of 10 mm or more within six hours, and of
ln(largest step of the 24 readings before / 0.1), with a ridge of one, because spikes are few.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

import data
import elsewhere

LEAST = 0.7  # z
ALONE = 0.2  # share of the rise that the reading before may have moved
BACK = 0.7  # share of the rise that a spike takes back
NEAR = 3  # h between readings that confirm each other
WET, WET_HOURS = 10, 6  # mm, h
CALM = 24  # readings


def lone_rises(hours: np.ndarray, z: np.ndarray, rain: np.ndarray | None = None) -> list[tuple[float, float, float, bool]]:
    """Rise, rain of six hours (0 where not measured), usual step, and whether it was real."""
    seen = np.flatnonzero(~np.isnan(z))
    v, at, out = z[seen], hours[seen], []
    for j in range(3, len(v) - 1):
        rise, moved = v[j] - v[j - 1], v[j - 1] - v[j - 2]
        if rise < LEAST or moved > ALONE * rise or at[j] - at[j - 1] > NEAR or at[j + 1] - at[j] > NEAR:
            continue
        least = min(-moved, rise)
        if moved < -LEAST and abs(v[j] - v[j - 2]) < 0.3 * least:  # back from a spike downwards
            continue
        usual = np.abs(np.diff(v[max(0, j - 1 - CALM):j])).max()
        fallen = 0.0 if rain is None else np.nansum(rain[max(0, seen[j] - WET_HOURS + 1):seen[j] + 1])
        out.append((rise, fallen, usual, (v[j] - v[j + 1]) / rise <= BACK))
    return out


RULES = {"6 h and 20 mm": (6, 20), "24 h and 10 mm": (24, 10), "168 h": (168, 0)}  # of a gauge that stands still


def standing_still(stations: list[data.Station]) -> None:
    """Hours in which a gauge would count as stuck, and how many of them had a flood within a day."""
    hours, counts, floods, where = 0, dict.fromkeys(RULES, 0), dict.fromkeys(RULES, 0), {}
    for s in stations:
        value = np.round(s.normal + (s.threshold - s.normal) * s.z, 4)
        rain = np.nan_to_num(s.rain)
        still, fallen = np.zeros(len(s), int), np.zeros(len(s))
        for i in range(1, len(s)):
            if value[i] == value[i - 1]:
                still[i], fallen[i] = still[i - 1] + 1, fallen[i - 1] + rain[i]
        seen = ~np.isnan(s.z)
        hours += seen.sum()
        for name, (long, wet) in RULES.items():
            at = np.flatnonzero(seen & (still >= long) & (fallen >= wet))
            counts[name] += len(at)
            floods[name] += sum(np.nanmax(s.z[i:i + 25]) >= 1 for i in at)
            where.setdefault(name, []).append((len(at), s.name))
    for name in RULES:
        most = ", ".join(f"{g} {n}" for n, g in sorted(where[name], reverse=True)[:5])
        print(f"still for {name}: {counts[name]} of {hours} hours, {floods[name]} of them within a day before a flood; most at {most}")
    falls = [-(np.diff(s.z)) for s in stations]
    print(f"falls of more than 1 z in an hour: {sum((f > 1).sum() for f in falls)}, the fastest {max(np.nanmax(f) for f in falls):.2f} z")
    print(f"lowest z: {min(np.nanmin(s.z) for s in stations):.2f}")


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    folder = args.parse_args().data
    stations = data.load(folder)
    standing_still(stations)
    found = {"hourly gauges": [r for s in stations for r in lone_rises(np.arange(len(s)), s.z, s.rain)]}
    for title, (gauges, horizons, _) in elsewhere.sources(folder).items():
        if len(horizons) > 1:  # not the daily ones
            found[title] = [r for hours, value, normal, top in gauges for r in lone_rises(hours, (value - normal) / (top - normal))]
    bins = [LEAST, 1, 2, 3.5, np.inf]
    for title, rises in found.items():
        for wet in (False, True):
            mine = [r for r in rises if (r[1] >= WET) == wet]
            cells = [[r[3] for r in mine if lo <= r[0] < hi] for lo, hi in zip(bins, bins[1:])]
            print(f"{title}, {'rain' if wet else 'no rain known'}:", *(
                f"{lo}-{hi} z {sum(c)} of {len(c)} real;" for lo, hi, c in zip(bins, bins[1:], cells)))
    rows = np.array([r for rises in found.values() for r in rises], float)
    x = np.c_[np.log(rows[:, 0] / LEAST), rows[:, 1] >= WET, np.log(np.maximum(rows[:, 2], 0.1) / 0.1)]
    fit = LogisticRegression(C=1.0).fit(x, rows[:, 3])
    print(f"{len(rows)} lone rises, {int(rows[:, 3].sum())} real, the largest real one {rows[rows[:, 3] > 0, 0].max():.2f} z")
    print("log-odds", *(f"{n} {v:.2f}" for n, v in zip(("constant", "size", "rain", "usual step"), [*fit.intercept_, *fit.coef_[0]])))
    for size, wet, usual in ((1, 0, 0.1), (3.4, 0, 0.1), (3.4, 1, 0.1), (3.4, 0, 1.0), (1, 0, 1.0)):
        p = fit.predict_proba([[np.log(size / LEAST), wet, np.log(usual / 0.1)]])[0, 1]
        print(f"rise of {size} z, {'rain' if wet else 'no rain'}, usual step {usual} z: real with {p:.2f}")


if __name__ == "__main__":
    main()
