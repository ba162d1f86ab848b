"""Golden predictions: XGBoost's own answers, for any other implementation to reproduce.

Rows test the boosters (missing values, values exactly on split thresholds, exact Shapley values); requests test the whole
path from the contract's JSON to the calibrated probability. All inputs are made up, none is a row of a data set.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import xgboost as xgb

from data import HISTORY, SITE, Rows
from features import FEATURES, NAMES, SITE_NAMES, assemble, canonical
from masking import MEMBERS

ROWS_PER_MEMBER = 40
REQUESTS = 60


def shortest(x) -> float | None:
    """The shortest decimal that reads back as the same float32; null when missing."""
    return None if np.isnan(x) else float(np.format_float_scientific(np.float32(x), unique=True, trim="-"))


def thresholds(booster: xgb.Booster) -> dict[int, np.ndarray]:
    frame = booster.trees_to_dataframe()
    frame = frame[frame.Feature != "Leaf"]
    return {NAMES.index(f): g.Split.to_numpy(np.float32) for f, g in frame.groupby("Feature")}


def rows(booster: xgb.Booster, low: np.ndarray, high: np.ndarray, rng) -> np.ndarray:
    """Random feature rows: some complete, most with holes, a third of the values exactly on a split threshold."""
    n = ROWS_PER_MEMBER
    x = (low + (high - low) * rng.random((n, len(FEATURES))) ** 3).astype(np.float32)
    for f, splits in thresholds(booster).items():
        tie = rng.random(n) < 0.35
        x[tie, f] = rng.choice(splits, tie.sum())
    holes = rng.random(x.shape) < np.linspace(0, 0.9, n)[:, None]
    x[holes] = np.nan
    return x


def request(rng) -> dict:
    """One made-up request of the contract; each optional part is there or not by the toss of a coin."""
    there = lambda share=0.5: rng.random() < share
    pick = lambda low, high, digits: round(float(rng.uniform(low, high)), digits)
    wet = lambda: round(float(rng.gamma(0.4, 14)) if there(0.6) else 0.0, 2)
    q = {
        "latitude": pick(-55, 65, 4),
        "longitude": pick(-180, 180, 4),
        "date": f"{rng.integers(1990, 2030)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}",
        "rainfall_mm": wet(),
    }
    warmth = pick(-15, 30, 2)
    if there(0.8):
        q["temperature"] = warmth
    if there():
        q["humidity"] = pick(20, 100, 1)
    if there():
        q["rainfall_7d_mean"] = pick(0, 30, 3)
    if there():
        q["rainfall_30d_mean"] = pick(0, 15, 3)
    if there(0.6):
        days = int(rng.choice([1, 2, 3, 4, 5, 6, 7, 10, 13, 14, 28, 29, 30, 45, 59, 60, 88, 89, 90]))
        q["rainfall_history_mm"] = [wet() for _ in range(days)]
        if days > 3 and there(0.15):
            q["rainfall_history_mm"][int(rng.integers(0, days))] = None
    if there(0.4):
        q["temperature_7d_mean"] = round(warmth + pick(-6, 6, 2), 2)
    if there(0.4):
        q["temperature_30d_mean"] = round(warmth + pick(-10, 10, 2), 2)
    if there(0.4):
        normal = pick(-1, 3, 3)
        span = pick(0.5, 8, 3)
        q["river"] = {
            "value": round(normal + span * pick(-0.3, 1.6, 4), 4),
            "normal": normal,
            "flood_threshold": round(normal + span, 3),
        }
    if there(0.6):
        whole = there()
        site = {name: pick(*SITE_SPANS[name]) for name in SITE_NAMES if whole or there(0.6)}
        if site:
            q["site"] = site
    return q


SITE_SPANS = {
    "elevation_m": (0, 3000, 1),
    "slope_m_per_km": (0.5, 200, 2),
    "area_km2": (5, 4000, 1),
    "soil_depth_m": (0.3, 2, 2),
    "soil_porosity": (0.35, 0.6, 3),
    "soil_conductivity_cm_h": (0.3, 10, 2),
    "soil_water_capacity_m": (0.1, 0.9, 2),
    "sand_percent": (5, 90, 1),
    "silt_percent": (5, 60, 1),
    "clay_percent": (2, 50, 1),
    "precipitation_mean_mm_day": (0.5, 8, 2),
    "pet_mean_mm_day": (1.5, 5, 2),
    "precipitation_seasonality": (-1.2, 1, 2),
    "snow_fraction": (0, 0.8, 2),
    "aridity": (0.2, 4, 2),
    "high_precipitation_days": (5, 35, 1),
    "forest_fraction": (0, 1, 2),
    "leaf_area_index_max": (0.3, 6, 2),
    "geology_permeability_log10_m2": (-17, -10, 2),
}
assert list(SITE_SPANS) == list(SITE)


def parse(requests: list[dict]) -> Rows:
    """The contract's JSON as raw inputs, as the service reads it."""
    column = lambda name: np.array([q.get(name, np.nan) for q in requests], float)
    history = np.full((len(requests), HISTORY), np.nan)
    for row, q in zip(history, requests):
        values = q.get("rainfall_history_mm", [])
        row[:len(values)] = [np.nan if v is None else v for v in values]
    river = np.full(len(requests), np.nan)
    for i, q in enumerate(requests):
        if r := q.get("river"):
            river[i] = (r["value"] - r["normal"]) / (r["flood_threshold"] - r["normal"])
    return Rows(
        latitude=column("latitude"),
        day_of_year=np.array([pd.Timestamp(q["date"]).dayofyear for q in requests], float),
        rain=column("rainfall_mm"),
        rain_7d_mean=column("rainfall_7d_mean"),
        rain_30d_mean=column("rainfall_30d_mean"),
        history=history,
        temperature=column("temperature"),
        temperature_7d_mean=column("temperature_7d_mean"),
        temperature_30d_mean=column("temperature_30d_mean"),
        humidity=column("humidity"),
        river=river,
        site=np.array([[q.get("site", {}).get(n, np.nan) for n in SITE_NAMES] for q in requests]),
    )


def serving_member(q: Rows, i: int) -> str:
    """The first member whose requirements row i meets."""
    days = int(np.cumprod(~np.isnan(q.history[i])).sum())
    for m in MEMBERS:
        if (not m.river or not np.isnan(q.river[i])) and days >= m.min_history_days:
            return m.name
    raise AssertionError("the last member accepts every request")


def golden(boosters: dict, calibrations: dict, low: np.ndarray, high: np.ndarray, seed: int) -> dict:
    rng = np.random.default_rng(seed)
    out = {"rows": [], "requests": []}
    for name, booster in boosters.items():
        x = rows(booster, low, high, rng)
        d = xgb.DMatrix(x, feature_names=NAMES)
        margins = booster.predict(d, output_margin=True)
        phi = booster.predict(d, pred_contribs=True)
        for row, m, c, p in zip(x, margins, phi, calibrations[name].probability(margins)):
            out["rows"].append({
                "member": name,
                "features": [shortest(v) for v in row],
                "margin": shortest(m),
                "probability": float(p),
                "contributions": [float(f"{v:.6g}") for v in c],
            })
    asked = [request(rng) for _ in range(REQUESTS)]
    raw = parse(asked)
    x = assemble(raw)
    for i, q in enumerate(asked):
        name = serving_member(canonical(raw), i)
        m = boosters[name].predict(xgb.DMatrix(x[i:i + 1], feature_names=NAMES), output_margin=True)
        lower, upper = calibrations[name].bounds(m)
        out["requests"].append({
            "request": q,
            "member": name,
            "features": [shortest(v) for v in x[i]],
            "probability": float(calibrations[name].probability(m)[0]),
            "lower": float(lower[0]),
            "upper": float(upper[0]),
        })
    return out


def write(path, content: dict) -> None:
    """One row or request a line, so that a change can be reviewed."""
    part = lambda items: "[\n" + ",\n".join(json.dumps(i, separators=(",", ":")) for i in items) + "\n]"
    path.write_text(f'{{"rows":{part(content["rows"])},\n"requests":{part(content["requests"])}}}\n')
