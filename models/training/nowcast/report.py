"""From trainings to what ships: calibration, skill, weights, golden predictions, manifest and card."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np

import card
import data
import elsewhere
import evaluate
import features
import golden
import network
import onsets
from data import ANCHORS, FAR

sys.path.append(str(Path(__file__).resolve().parent.parent))
import catalogue  # noqa: E402  (shared by all trainers)

VERSION = "2.0.0"
CREATED_AT = "2026-11-28T12:00:00Z"  # fixed, so that a rerun writes the same bytes
COVERAGE = 0.9
LEVELS = {"low": 0.02, "moderate": 0.1, "high": 0.3, "extreme": 0.6}
EARLY_WARNING = 0.2
WIDENING = {"per_condition": 1.25, "maximum": 3.0, "confidence_width": 5.0}
ORDER = ("level_rain", "level_rain_forecast", "level", "rain", "rain_forecast")
FIRST = Path("v1")  # beside the new version: the members that ship again, and their scores


def horizons(settings: network.Settings) -> tuple[int, ...]:
    return ANCHORS + FAR if settings.forecast else ANCHORS


def around(rows, below, horizon: int) -> tuple[np.ndarray, ...]:
    """What fit_slope needs of the distribution functions: their values at the two V around the outcome, and the outcome's share."""
    y = rows.y[:, horizon - 1].astype(float)
    ok = ~np.isnan(y)
    v = np.arcsinh((y[ok] - rows.z[ok]) / features.SMALL)
    k = np.clip(np.searchsorted(evaluate.V, v), 1, len(evaluate.V) - 1)
    share = np.clip((v - evaluate.V[k - 1]) / (evaluate.V[k] - evaluate.V[k - 1]), 0, 1)
    f, at = below[ok], np.arange(ok.sum())
    return f[at, k - 1].astype(float), f[at, k].astype(float), share, rows.station[ok]


def coverage(left, right, share, station, slope: float, groups) -> float:
    """Share of outcomes within p10 and p90: between that of the median gauge and that of the mean river system."""
    left, right = network.recalibrate(left, slope), network.recalibrate(right, slope)
    pit = left + share * (right - left)
    inside = (pit >= 0.1) & (pit <= 0.9)
    gauges = {i: inside[station == i].mean() for i in np.unique(station)}
    systems = [np.mean([c for i, c in gauges.items() if groups[i] == g]) for g in {groups[i] for i in gauges}]
    return float(np.median(list(gauges.values())) + np.mean(systems)) / 2


def fit_slope(rows, below, knots, groups) -> np.ndarray:
    """The slope at each knot with which the band from p10 to p90 covers 80 %."""
    out = []
    for j, h in enumerate(knots):
        parts = around(rows, below[:, j, :-1], h)
        lo, hi = 0.5, 2.5
        for _ in range(10):
            middle = (lo * hi) ** 0.5
            if coverage(*parts, middle, groups) > 0.8:
                lo = middle
            else:
                hi = middle
        out.append(round((lo * hi) ** 0.5, 4))
    return np.array(out)


def spread(rows, p, knots) -> list[float]:
    """Root mean square over gauges of log(observed / expected) events among rows below the threshold with p >= 0.02."""
    out = []
    for j, h in enumerate(knots):
        y = rows.y[:, h - 1]
        use = ~np.isnan(y) & (p[:, j] >= 0.02) & (rows.z < 1)
        ratios = []
        for i in np.unique(rows.station):
            mine = use & (rows.station == i)
            expected = p[mine, j].sum()
            if expected >= 3:
                ratios.append(np.log(((y[mine] >= 1).sum() + 0.5) / (expected + 0.5)))
        out.append(round(float(np.sqrt(np.mean(np.square(ratios)))), 4) if ratios else 1.0)
    return out


def refer(river: bool, z, event, at) -> np.ndarray:
    """Calibrated persistence, or the base rate for members that do not see the river."""
    return evaluate.persistence(z, event, at) if river else np.full(len(at), event.mean())


def full(knots, values) -> np.ndarray:
    """Values at the first knots, the last one repeated for the knots that the member does not have."""
    return np.r_[values, np.full(len(network.KNOTS) - len(knots), values[-1])]


def verify(name: str, results: dict, state: dict, folds: tuple[str, ...]) -> dict:
    """Calibration of one member from systems it had not seen, and its skill on unseen systems and later time."""
    test, late, of = state["test"], state["late"], state["groups"]
    splits = [s.split(0.75) for s in state["stations"]]
    settings = results[(name, "final")].settings
    knots, reported, river = settings.knots, horizons(settings), settings.river
    at = [knots.index(h) for h in reported]
    below = np.full((len(test), len(knots), len(evaluate.V) + 1), np.nan, np.float32)
    for fold in folds:
        below[np.isin(of[test.station], fold.split("+"))] = results[(name, fold)]
    thin = np.arange(len(test)) % 3 == 0
    # For the report a system is recalibrated by the others.
    cross = np.empty_like(below)
    reference = np.full((len(test), len(reported)), np.nan)
    for g in sorted({s.group for s in state["stations"]}):
        inside = of[test.station] == g
        slope = fit_slope(test.take(thin & ~inside), below[thin & ~inside], knots, of)
        cross[inside] = network.recalibrate(below[inside].astype(float), slope[None, :, None])
        for j, h in enumerate(reported):
            y = test.y[:, h - 1]
            use = ~np.isnan(y) & ~inside
            reference[inside, j] = refer(river, test.z[use], y[use] >= 1, test.z[inside])
    cuts = LEVELS | {"early_warning": EARLY_WARNING}
    unseen = evaluate.score(test, cross[:, at, :-1], 1 - cross[:, at, -1], reference, cuts, of, horizons=reported)
    past = test.hour < np.array(splits)[test.station]
    slope = fit_slope(test.take(thin & past), below[thin & past], knots, of)
    later = network.recalibrate(results[(name, "later")][1].astype(float), slope[None, :, None])
    reference = np.full((len(late), len(reported)), np.nan)
    for j, h in enumerate(reported):
        y = test.y[:, h - 1]
        use = ~np.isnan(y) & past
        reference[:, j] = refer(river, test.z[use], y[use] >= 1, late.z)
    known = evaluate.score(late, later[:, at, :-1], 1 - later[:, at, -1], reference, cuts, of, horizons=reported)
    final = fit_slope(test.take(thin), below[thin], knots, of)
    for member in (results[(name, "final")], results[(name, "later")][0], results.get((name, "abroad"))):
        if member is not None:
            member.slope = full(knots, final)
    calibrated = network.recalibrate(below[:, :, -1].astype(float), final[None])
    return {"unseen_groups": unseen, "later_time": known, "slope": [float(v) for v in final], "spread": spread(test, 1 - calibrated, knots)}


def shortest(v) -> list:
    """float32 weights with the fewest digits that read back the same."""
    v = np.asarray(v, np.float32)
    if v.ndim > 1:
        return [shortest(r) for r in v]
    return [json.loads(np.format_float_scientific(x, unique=True)) for x in v]


def layer(linear) -> dict:
    return {"weight": shortest(linear.weight.detach().numpy()), "bias": shortest(linear.bias.detach().numpy())}


def weights(name: str, member: network.Member) -> dict:
    nets = []
    for net in member.nets:
        n = {"hidden1": layer(net.hidden1), "hidden2": layer(net.hidden2), "head": layer(net.head)}
        if net.rain is not None:
            n["rain"] = layer(net.rain)
        nets.append(n)
    return {
        "format": 1, "member": name, "inputs": [features.FEATURES[i] for i in member.settings.columns],
        "mean": [float(v) for v in member.mean], "scale": [float(v) for v in member.scale], "networks": nets,
    }


def training_data(stations) -> list[dict]:
    return [{
        "name": s.name, "group": s.group, "unit": s.unit, "hours": int((~np.isnan(s.z)).sum()),
        "period": f"{str(s.start)[:10]}/{str(s.start + np.timedelta64(len(s) - 1, 'h'))[:10]}",
    } for s in stations]


def entry(out: Path, name: str, member: network.Member, t: dict) -> dict:
    """Writes a member's weights and describes them."""
    path = out / f"{name}.json"
    path.write_text(json.dumps(weights(name, member), separators=(",", ":")) + "\n")
    return {
        "name": name, **catalogue.described(path), "networks": len(member.nets), "hidden": member.settings.hidden,
        "calibration": {
            "method": "slope of the log-odds of the distribution function, by knot horizon",
            "horizon_hours": list(member.settings.knots), "slope": t["slope"], "spread": t["spread"],
        },
    }


def again(out: Path, name: str) -> tuple[network.Member, dict, dict]:
    """A member of 1.0.0 as it ships again: the member, its entry and its scores."""
    first = out.parent / FIRST
    shutil.copyfile(first / f"{name}.json", out / f"{name}.json")
    e = next(e for e in json.loads((first / "manifest.json").read_text())["members"] if e["name"] == name)
    member = network.read(out / f"{name}.json", e["calibration"]["slope"])
    return member, e, json.loads((first / "skill.json").read_text())["members"][name]


def write(out: Path, folder: Path, results: dict, state: dict, folds: dict, kept: tuple[str, ...]) -> None:
    tables = {"members": {}, "tried": {}, "levels": LEVELS, "early_warning": EARLY_WARNING, "stations": [s.name for s in state["stations"]]}
    comparison = Path(__file__).with_name("comparison.json")
    if comparison.exists():
        tables["comparison"] = json.loads(comparison.read_text())
    tables["before"] = json.loads((out.parent / FIRST / "skill.json").read_text())["members"]
    members, entries = {}, []
    for name in ORDER:
        if (name, "final") in results:
            t = verify(name, results, state, folds[name])
            tables["tried" if name in kept else "members"][name] = t
            for split in ("unseen_groups", "later_time"):
                print(name, split, *(
                    f"{h}h: BSS {v['brier_skill']:.3f} CRPSS {v['crps_skill']:.3f} cover {v['coverage']:.3f} "
                    f"({v['coverage_of_systems']:.3f}) onset AP {v['onset_average_precision']:.3f};" for h, v in t[split].items()), flush=True)
        if name in kept:
            members[name], e, tables["members"][name] = again(out, name)
        else:
            members[name] = results[(name, "final")]
            e = entry(out, name, members[name], t)
        entries.append(e)
    tables["elsewhere"] = elsewhere.check(folder, members["level"], results[("level", "abroad")] if "level" not in kept else members["level"], state["test"])
    tables["onsets"] = onsets.check(state["stations"], {"1.0.0, all": members["level_rain"], "widened, later": results[("level_rain", "later")][0]})
    rng = np.random.default_rng(7)
    g = {"thresholds": list(golden.THRESHOLDS), "levels": list(golden.QUANTILES),
         "rows": golden.rows(members, state["test"], rng), "requests": golden.requests(members, state["stations"], rng)}
    (out / "golden.json").write_text(json.dumps(g, separators=(",", ":")) + "\n")
    catalogue.write_json(out / "skill.json", tables)
    x = state["whole"].x
    described = card.describe(features)
    manifest = {
        "format": 1, "name": "nowcaster", "version": VERSION, "kind": "mixture-density-network",
        "feature_schema": features.SCHEMA, "created_at": CREATED_AT,
        "event": card.EVENT,
        "features": [
            {"name": n, "unit": described[n][0], "min": float(f"{x[:, i].min():.6g}"), "max": float(f"{x[:, i].max():.6g}"),
             "description": described[n][1]} for i, n in enumerate(features.FEATURES)
        ],
        "members": entries, "coverage": COVERAGE, "widening": WIDENING, "levels": LEVELS, "early_warning": EARLY_WARNING,
        "training": {"data": training_data(state["stations"] + data.load_french(folder)), "seed": 20261125},
        "skill": card.summary(tables), "golden": catalogue.described(out / "golden.json"),
    }
    catalogue.write_json(out / "manifest.json", manifest)
    (out / "card.md").write_text(card.text(manifest, tables))
    catalogue.register(out, "nowcaster", VERSION)


def quote_comparison(out: Path) -> None:
    """Writes the card again with what compare.py has found since."""
    tables = json.loads((out / "skill.json").read_text())
    tables["comparison"] = json.loads(Path(__file__).with_name("comparison.json").read_text())
    catalogue.write_json(out / "skill.json", tables)
    (out / "card.md").write_text(card.text(json.loads((out / "manifest.json").read_text()), tables))
