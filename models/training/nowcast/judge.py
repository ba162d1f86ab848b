"""What the score of the member `level_rain` on unseen river systems rests on: the reference, the seed, a few rows.

    /usr/bin/python3 models/training/nowcast/judge.py --data ../shared/data/hydro --keep FOLDER

It trains one network a system left out, with the settings and features of 1.0.0 that 2.0.0 ships again, for two seeds, and
once with the features of how a gauge is read; half an hour on one core. The rows are every second test hour of the card, and
nothing is recalibrated, so the figures compare with each other and not with the card's. docs/adr/0026 quotes them.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: threads that wait for each other only get in the way

import numpy as np
import torch

import data
import evaluate
import features
import network
import samples
import train_nowcast
from data import ANCHORS

OTHER_SEED = 7
THRESHOLDS = (0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0)  # z, as if the flood threshold were another
READING = ("still_24h", "still_72h", "rough_24h", "rough_72h", "grain_72h", "volatility_6h", "volatility_24h", "volatility_72h")
AT = [network.KNOTS.index(h) for h in ANCHORS]


def blind(rows, test, groups, columns, seed) -> np.ndarray:
    """Distribution functions of the test rows, each by a network that has not seen the row's system."""
    settings = network.Settings(columns, networks=1, epochs=7, hidden=128, dropout=0.25, decay=1e-2)
    out = np.empty((len(test), len(ANCHORS), len(evaluate.V) + 1), np.float32)
    for system in train_nowcast.SINGLE:
        member = network.train(rows.take(groups[rows.station] != system), groups, settings, seed)
        inside = groups[test.station] == system
        out[inside] = train_nowcast.predict(member, test.take(inside))[:, AT]
        train_nowcast.log(f"seed {seed}, {len(columns)} features, without {system}")
    return out


def kept(folder: Path | None, name: str, make) -> np.ndarray:
    file = folder and folder / f"{name}.npy"
    if file and file.exists():
        return np.load(file)
    made = make()
    if file:
        folder.mkdir(parents=True, exist_ok=True)
        np.save(file, made)
    return made


def exceedance(curve, z, threshold) -> np.ndarray:
    """P(level >= threshold) by a distribution function on evaluate.V."""
    v = np.arcsinh((threshold - z) / features.SMALL)
    k = np.clip(np.searchsorted(evaluate.V, v), 1, len(evaluate.V) - 1)
    share = np.clip((v - evaluate.V[k - 1]) / (evaluate.V[k] - evaluate.V[k - 1]), 0, 1)
    at = np.arange(len(z))
    return 1 - (curve[at, k - 1] + share * (curve[at, k] - curve[at, k - 1]))


def persistence(test, groups, j_threshold) -> np.ndarray:
    """Calibrated on the other systems."""
    out = np.full((len(test), len(ANCHORS)), np.nan)
    for system in train_nowcast.SINGLE:
        inside = groups[test.station] == system
        for j, h in enumerate(ANCHORS):
            y = test.y[:, h - 1]
            use = ~np.isnan(y) & ~inside
            out[inside, j] = evaluate.persistence(test.z[use], y[use] >= j_threshold, test.z[inside])
    return out


def skill(p, reference, event, use) -> float:
    return float(1 - ((p[use] - event[use]) ** 2).mean() / ((reference[use] - event[use]) ** 2).mean())


def line(title: str, values) -> None:
    print(f"{title}: {' / '.join(f'{v:.3f}' for v in values)}", flush=True)


def references(test, p, calibrated) -> None:
    """The same forecasts against persistence as it stands, persistence calibrated, and the base rate."""
    now = (test.z >= 1).astype(float)
    raw, own, rate, gauges = [], [], [], []
    for j, h in enumerate(ANCHORS):
        y = test.y[:, h - 1]
        ok, event = ~np.isnan(y), (y >= 1).astype(float)
        raw.append(skill(p[:, j], now, event, ok))
        rate.append(skill(p[:, j], np.full(len(event), event[ok].mean()), event, ok))
        fitted = np.empty(len(event))
        for i in np.unique(test.station):
            mine = test.station == i
            fitted[mine] = evaluate.persistence(test.z[mine & ok], event[mine & ok], test.z[mine])
        own.append(skill(p[:, j], fitted, event, ok))
        gauges.append([skill(p[:, j], calibrated[:, j], event, ok & (test.station == i)) for i in np.unique(test.station)])
    line("against persistence calibrated on other systems", [
        skill(p[:, j], calibrated[:, j], (test.y[:, h - 1] >= 1).astype(float), ~np.isnan(test.y[:, h - 1])) for j, h in enumerate(ANCHORS)])
    line("  at the median gauge", [np.median(g) for g in gauges])
    line("  at the worst gauge", [np.min(g) for g in gauges])
    line("  at the best gauge", [np.max(g) for g in gauges])
    line("against persistence as it stands (flood now, flood then)", raw)
    line("against the base rate", rate)
    line("against persistence fitted to the very hours of the gauge", own)


def decisive(test, p, calibrated) -> None:
    """How few rows decide the score at one hour: the share of the reference's error in its largest hundredth part."""
    y = test.y[:, 0]
    ok, event = ~np.isnan(y), (y >= 1).astype(float)
    error = np.sort(((calibrated[:, 0] - event) ** 2)[ok])[::-1]
    n = int(np.searchsorted(np.cumsum(error), error.sum() / 2)) + 1
    print(f"half of the reference's error at 1 h lies in {n} of {ok.sum()} rows")


def adaptive(test, curves, groups) -> np.ndarray:
    """Recalibration by a slope that depends on how the gauge is read, fitted to the other systems by the density of the
    probability integral transform in log-odds."""
    x = test.x[:, [features.FEATURES.index(n) for n in READING]].astype(float)
    x = np.c_[np.ones(len(x)), np.clip((x - x.mean(axis=0)) / x.std(axis=0), -3, 3)]
    alike = np.array([sum(groups == g) for g in groups])
    out = curves.astype(float)
    for j, h in enumerate(ANCHORS):
        y = test.y[:, h - 1].astype(float)
        ok = ~np.isnan(y)
        pit = np.clip(1 - exceedance(out[:, j, :-1], test.z, np.where(ok, y, 0)), 1e-4, 1 - 1e-4)
        odds = np.log(pit / (1 - pit))
        slope = np.ones(len(odds))
        for system in train_nowcast.SINGLE:
            inside = groups[test.station] == system
            use = np.flatnonzero(ok & ~inside)
            station = test.station[use]
            weight = 1 / np.bincount(station, minlength=len(groups))[station] / np.sqrt(alike[station])
            a, u, w = torch.tensor(x[use]), torch.tensor(odds[use]), torch.tensor(weight / weight.sum())
            beta = torch.zeros(a.shape[1], dtype=torch.float64, requires_grad=True)
            search = torch.optim.LBFGS([beta], max_iter=40)

            def loss():
                search.zero_grad()
                log_slope = a @ beta
                size = (torch.exp(log_slope) * u).abs()
                value = -(w * (log_slope - size - 2 * torch.log1p(torch.exp(-size)))).sum() + 0.002 * (beta[1:] ** 2).sum()
                value.backward()
                return value

            search.step(loss)
            slope[inside] = np.exp(x[inside] @ beta.detach().numpy())
        out[:, j] = network.recalibrate(out[:, j], slope[:, None])
    return out


def table(title, test, curves, calibrated, groups) -> None:
    scores = evaluate.score(test, curves[:, :, :-1].astype(float), 1 - curves[:, :, -1].astype(float), calibrated, {}, groups)
    for key, name in (("brier_skill", "Brier skill"), ("onset_average_precision", "onset AP"), ("crps_skill", "CRPS skill"),
                      ("coverage", "p10-p90 covers, median gauge"), ("coverage_of_systems", "p10-p90 covers, mean of systems")):
        line(f"{title}, {name}", [scores[str(h)][key] for h in ANCHORS])
    covers = [list(scores[str(h)]["coverage_by_station"].values()) for h in ANCHORS]
    line(f"{title}, coverage of the worst gauge", [min(c) for c in covers])
    line(f"{title}, coverage of the best gauge", [max(c) for c in covers])


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args.add_argument("--keep", type=Path, help="keep what the networks said in this folder, and do not train what it has")
    args = args.parse_args()
    torch.set_num_threads(1)
    stations = data.load(args.data)
    groups = np.array([s.group for s in stations])
    rows = samples.draw(stations, train_nowcast.SEED)
    test = samples.draw(stations, train_nowcast.SEED + 2, every=5, length=168)
    test = test.take(np.arange(len(test)) % 2 == 0)
    first = [i for i, n in enumerate(features.FEATURES) if n not in features.GRAINS]
    a = kept(args.keep, "first", lambda: blind(rows, test, groups, first, train_nowcast.SEED))
    b = kept(args.keep, "other_seed", lambda: blind(rows, test, groups, first, OTHER_SEED))
    c = kept(args.keep, "grains", lambda: blind(rows, test, groups, train_nowcast.ALL, train_nowcast.SEED))
    calibrated = persistence(test, groups, 1.0)
    print("hours", *ANCHORS)
    references(test, 1 - a[:, :, -1].astype(float), calibrated)
    decisive(test, 1 - a[:, :, -1].astype(float), calibrated)
    for threshold in THRESHOLDS:
        other = persistence(test, groups, threshold)
        p = [exceedance(a[:, j, :-1].astype(float), test.z, threshold) for j in range(len(ANCHORS))]
        line(f"threshold at z = {threshold}", [
            skill(p[j], other[:, j], (test.y[:, h - 1] >= threshold).astype(float), ~np.isnan(test.y[:, h - 1])) for j, h in enumerate(ANCHORS)])
    both = (a + b) / 2
    for title, curves in (("one network", a), ("another seed", b), ("two networks", both), ("with how the gauge is read", c),
                          ("recalibrated by how the gauge is read", adaptive(test, both, groups))):
        table(title, test, curves, calibrated, groups)


if __name__ == "__main__":
    main()
