"""Write what training found: boosters, golden predictions, skill, manifest, card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xgboost as xgb

import boost
import calibrate
import card
import catalogue
import data
import golden
import monotone
from boost import Part
from features import FEATURES, NAMES, SCHEMA, SITE_NAMES, canonical
from masking import MEMBERS

VERSION = "2.1.0"
CREATED_AT = "2026-11-28T15:00:00Z"  # fixed, so that a rerun writes the same bytes
FLOOD = "river flow at or above its 2-year level (the median of the annual maxima) today or tomorrow"
# How the interval grows with what was never seen in training; judgement, not measurement (see card.md).
WIDENING = {"place": 1.5, "per_out_of_domain": 1.25, "maximum": 3.0, "confidence_width": 5.0, "open_upwards": True}
RADIUS_KM = 300
SPEAKING = 200  # an input is out of domain beyond the value that so many days of the development data lie beyond


def trimmed(booster: xgb.Booster) -> bytes:
    """XGBoost's own JSON without what prediction and explanation do not read, which halves it.

    Gains and the weights of inner nodes become zero, covers keep five digits.
    """
    model = json.loads(booster.save_raw("json"))
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        n = len(tree["left_children"])
        tree["loss_changes"] = [0.0] * n
        tree["base_weights"] = [0.0] * n
        tree["sum_hessian"] = [short(v) for v in tree["sum_hessian"]]
        tree["split_conditions"] = [golden.shortest(v) for v in tree["split_conditions"]]
    return json.dumps(model, separators=(",", ":")).encode() + b"\n"


def short(v: float) -> float:
    """Five significant digits. A float stays one: XGBoost tells "1.0" and "1" apart."""
    return float(f"{v:.5g}")


def calibration(c: calibrate.Calibration) -> dict:
    return {
        "method": "centred isotonic regression, linear in log-odds between knots and beyond them",
        "log_odds": True, "open": True,
        "margin": list(map(float, c.margin)), "probability": list(map(float, c.logit)),
        "lower": list(map(float, c.lower)), "upper": list(map(float, c.upper)),
    }


def part(out: Path, name: str, p: Part, c: calibrate.Calibration) -> tuple[dict, Part]:
    """Writes a booster; returns its entry in the manifest and the part as it will be read."""
    path = out / f"{name}.json"
    path.write_bytes(trimmed(p.booster))
    booster = xgb.Booster(model_file=path)
    depth = 0
    for tree in json.loads(path.read_bytes())["learner"]["gradient_booster"]["model"]["trees"]:
        level = [0] * len(tree["left_children"])
        for i, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"])):
            if left >= 0:
                level[left] = level[right] = level[i] + 1
        depth = max(depth, max(level))
    entry = catalogue.described(path) | {
        "trees": booster.num_boosted_rounds(),
        "max_depth": depth,
        "linear": {
            "intercept": p.linear.intercept,
            "terms": [{"feature": n, "slope": float(s), "mean": float(m)}
                      for n, s, m in zip(p.linear.names, p.linear.slope, p.linear.mean)],
        },
        "calibration": calibration(c),
    }
    return entry, Part(p.linear, booster)


def envelope(basins: data.Basins, sample: boost.Sample) -> dict:
    """What training covered: for each raw input the values beyond which fewer than SPEAKING days lie, and the places."""
    spans = {}

    def span(name, values, days):
        values = np.sort(values[~np.isnan(values)])
        k = min(days, len(values) // 20)
        low, high = (values[k], values[-1 - k]) if len(values) else (0.0, 0.0)
        spans[name] = {"min": float(f"{low:.6g}"), "max": float(f"{high:.6g}")}

    basin, day, _, _ = data.labelled(basins, 0, basins.rain.shape[1])
    rain = basins.rain[basin, day]
    means = {7: np.zeros(len(day)), 30: np.zeros(len(day))}
    warm = {7: np.zeros(len(day)), 30: np.zeros(len(day))}
    for age in range(30):
        for k in means:
            if age < k:
                means[k] += basins.rain[basin, day - age] / k
                warm[k] += basins.temp[basin, day - age] / k
    ratio = (basins.flow[basin, day - 1] - basins.q_median[basin]) / (basins.q_2yr - basins.q_median)[basin]
    span("rainfall_mm", rain, SPEAKING)
    span("rainfall_history_mm", rain, SPEAKING)
    span("rainfall_forecast_mm", rain, SPEAKING)
    span("temperature", basins.temp[basin, day], SPEAKING)
    span("weather_history", basins.temp[basin, day], SPEAKING)
    span("humidity", basins.humidity[basin, day], SPEAKING)
    span("rainfall_7d_mean", means[7], SPEAKING)
    span("rainfall_30d_mean", means[30], SPEAKING)
    span("temperature_7d_mean", warm[7], SPEAKING)
    span("temperature_30d_mean", warm[30], SPEAKING)
    span("river", ratio, SPEAKING)
    for name in ("rainfall_mm", "rainfall_history_mm", "rainfall_forecast_mm", "rainfall_7d_mean", "rainfall_30d_mean"):
        spans[name]["min"] = 0.0  # no rain is not out of domain
    spans["humidity"]["max"] = 100.0
    site = canonical(data.rows_at(basins, np.arange(len(basins.ids)), np.full(len(basins.ids), 400))).site
    for n, column in zip(SITE_NAMES, site.T):
        spans[f"site.{n}"] = {"min": float(f"{np.nanmin(column):.6g}"), "max": float(f"{np.nanmax(column):.6g}")}
    points = sorted({(round(float(a), 1), round(float(b), 1)) for a, b in zip(basins.lat, basins.lon)})
    return {"inputs": spans, "places": {"radius_km": RADIUS_KM, "points": points}}


def training_data(basins: data.Basins) -> list[dict]:
    about = {
        "us_caravan": (
            "Caravan / CAMELS-US: ERA5-Land weather, USGS flow",
            "CC-BY-4.0 (Caravan, CAMELS-US), Copernicus licence (ERA5-Land), public domain (USGS); "
            "the copy used came from a repository under CC-BY-NC-SA-4.0",
        ),
        "us_mopex": ("US MOPEX: rain gauges, USGS flow", "NOAA/NWS public data"),
        "us_nldas_humidity": ("CAMELS-US NLDAS: humidity", "CC-BY-4.0 / public domain"),
    }
    out = []
    for i, name in enumerate(data.SETS):
        mine = basins.source == i
        recorded = np.flatnonzero((~np.isnan(basins.rain[mine])).any(axis=0))
        out.append({
            "name": name, "source": about[name][0], "licence": about[name][1], "places": int(mine.sum()),
            "period": f"{basins.days[recorded[0]].date()}/{basins.days[recorded[-1]].date()}",
        })
    return out


def forecast_error(basins: data.Basins, sample: boost.Sample) -> dict:
    """How far the degraded forecast lies from the rain that fell."""
    last = basins.rain.shape[1] - 1
    fell = basins.rain[sample.basin, np.minimum(sample.day + 1, last)].astype(np.float64)
    said = data.forecast_of(basins, sample.basin, sample.day)
    use = ~np.isnan(fell) & ~np.isnan(said)
    fell, said, w = fell[use], said[use], sample.weight[use]
    mean = lambda v: (v * w).sum() / w.sum()
    cov = mean((fell - mean(fell)) * (said - mean(said)))
    hit, heavy, warned = (said >= 20) & (fell >= 20), fell >= 20, said >= 20
    return {
        "correlation": round(float(cov / np.sqrt(mean((fell - mean(fell)) ** 2) * mean((said - mean(said)) ** 2))), 3),
        "bias": round(float(mean(said) / mean(fell)), 3),
        "pod_20mm": round(float((hit * w).sum() / (heavy * w).sum()), 3),
        "far_20mm": round(float(1 - (hit * w).sum() / (warned * w).sum()), 3),
    }


def write(out: Path, t, test: boost.Sample, verified: dict, tables: dict) -> None:
    import train_risk

    out.mkdir(parents=True, exist_ok=True)
    basins = t.basins
    parts, calibrations, members = {}, {}, []
    for member in MEMBERS:
        if member.name not in verified:
            continue
        v = verified[member.name]
        now, parts[member.name] = part(out, member.name, v.pair.now, v.calibration["now"])
        then, parts[member.name, "forecast"] = part(out, f"{member.name}_forecast", v.pair.then, v.calibration["then"])
        calibrations[member.name] = v.calibration["now"]
        calibrations[member.name, "forecast"] = v.calibration["then"]
        members.append({"name": member.name, "requires": member.requires, "min_history_days": member.min_history_days}
                       | now | {"forecast": then})
    skill = {
        "base_rate": round(float(test.y.mean()), 5), "days": len(test), "basins": len(np.unique(test.basin)),
        "levels": train_risk.LEVEL_CUTS, "quiet": train_risk.QUIET, "members": tables, "forecast_error": forecast_error(basins, t.sample),
    }
    catalogue.write_json(out / "skill.json", skill)
    model = golden.Model(parts, calibrations)
    monotone.check(model, train_risk.SEED)
    x = boost.matrix(basins, t.sample.basin[::5], t.sample.day[::5], lambda r: r)
    low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
    golden.write(out / "golden.json", golden.golden(model, low, high, train_risk.SEED))
    manifest = {
        "format": 1,
        "name": "risk_scorer",
        "version": VERSION,
        "kind": "xgboost-binary-logistic",
        "feature_schema": SCHEMA,
        "created_at": CREATED_AT,
        "flood_definition": FLOOD,
        "features": [
            {"name": f.name, "unit": f.unit, "min": golden.shortest(a), "max": golden.shortest(b), "monotone": f.monotone,
             "description": f.description} for f, a, b in zip(FEATURES, low, high)
        ],
        "members": members,
        "coverage": calibrate.COVERAGE,
        "widening": WIDENING,
        "levels": train_risk.LEVEL_CUTS,
        "envelope": envelope(basins, t.sample),
        "training": {"data": training_data(basins), "seed": train_risk.SEED, "region_groups": len(data.REGION_FOLDS),
                     "forecast_error": skill["forecast_error"]},
        "skill": card.summary(skill),
        "golden": catalogue.described(out / "golden.json"),
    }
    compared = Path(__file__).with_name("comparison.json")
    before = json.loads((out.parent / "v2" / "skill.json").read_text())
    compared = json.loads(compared.read_text()) if compared.exists() else []
    (out / "card.md").write_text(card.text(manifest, skill, compared, before))
    catalogue.write_json(out / "manifest.json", catalogue.documented(out, manifest))
    catalogue.register(out, "risk_scorer", VERSION)
