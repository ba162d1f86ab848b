"""Golden predictions: XGBoost's own answers, for any other implementation to reproduce.

Rows test the boosters and linear parts (missing values, values exactly on split thresholds, exact Shapley values); requests
test the whole path from the contract's JSON to the calibrated probability. All inputs are made up, none is a row of a data
set. `Model` is the reference of how members, views and forecasts make an answer; domain/risk does the same.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import xgboost as xgb

from data import HISTORY, RIVER_DAYS, SITE, Rows
from features import FEATURES, LEVELS, NAMES, SITE_NAMES, View, assemble, canonical, natural_view
from masking import MEMBERS, SITE_MEAN_RAIN

ROWS_PER_PART = 8
REQUESTS = 60


def shortest(x) -> float | None:
    """The shortest decimal that reads back as the same float32; null when missing."""
    return None if np.isnan(x) else float(np.format_float_scientific(np.float32(x), unique=True, trim="-"))


@dataclasses.dataclass
class Model:
    """Parts and calibrations by member, and by (member, "forecast")."""

    parts: dict
    calibrations: dict

    def margin(self, name: str, forecast: bool, x: np.ndarray) -> np.ndarray:
        m = self.parts[name].margin(x)
        return self.parts[name, "forecast"].margin(x, m) if forecast else m

    def calibration(self, name: str, forecast: bool):
        return self.calibrations[(name, "forecast") if forecast else name]

    def contributions(self, name: str, forecast: bool, x: np.ndarray) -> np.ndarray:
        """[row, feature + bias]: XGBoost's Shapley values and those of the linear parts."""
        total = np.zeros((len(x), len(NAMES) + 1))
        for part in [self.parts[name]] + ([self.parts[name, "forecast"]] if forecast else []):
            total += part.booster.predict(xgb.DMatrix(x, feature_names=NAMES), pred_contribs=True)
            for n, term in zip(part.linear.names, part.linear.terms(x).T):
                total[:, NAMES.index(n)] += term
            total[:, -1] += part.linear.intercept
        return total

    def look(self, r: Rows, level: int, year: bool, gaps: int):
        """(log-odds, member, forecast, features, margin) of one request under one view."""
        view = View(np.array([level]), np.array([year]), np.array([gaps]))
        x = assemble(r, view)
        river, site = not np.isnan(r.river[0, 0]), not np.isnan(r.site[0, SITE_MEAN_RAIN])
        name = next(m.name for m in MEMBERS if m.name in self.parts and (year or not m.year) and (river or not m.river)
                    and (site or not m.site) and level >= m.min_history_days)
        forecast = not np.isnan(r.forecast[0])
        m = self.margin(name, forecast, x)
        c = self.calibration(name, forecast)
        return float(c.at(m, c.logit)[0]), name, forecast, x[0], float(m[0])

    def answer(self, r: Rows):
        """The look that speaks: see Model.answer in domain/risk."""
        c = canonical(r)
        v = natural_view(c)
        level, year, gaps = int(v.level[0]), bool(v.year[0]), int(v.gaps[0])
        known = c.history[0][~np.isnan(c.history[0])]
        warm = (~np.isnan(c.temperature_history[0])).sum() >= 292
        best = self.look(r, level, year, gaps)
        wet = (known > 0).any()
        if not len(known) or wet and year and gaps == 0:
            return best
        views = []
        if not year:
            views += [(k, False, 0) for k in LEVELS if k > level]
        if warm:  # a year that is not read may come to be read with as many gaps as now
            views += [(LEVELS[-1], True, g) for g in range(gaps - 1 if year else 2, -1, -1)]
        for view in views:
            best = max(best, self.look(r, *view), key=lambda found: found[0])
        if not wet:
            without = dataclasses.replace(r, history=np.full_like(r.history, np.nan))
            best = min(best, self.look(without, 0, False, 0), key=lambda found: found[0])
        return best


def thresholds(booster: xgb.Booster) -> dict[int, np.ndarray]:
    frame = booster.trees_to_dataframe()
    frame = frame[frame.Feature != "Leaf"]
    return {NAMES.index(f): g.Split.to_numpy(np.float32) for f, g in frame.groupby("Feature")}


def rows(booster: xgb.Booster, low: np.ndarray, high: np.ndarray, rng) -> np.ndarray:
    """Random feature rows: some complete, most with holes, a third of the values exactly on a split threshold."""
    n = ROWS_PER_PART
    x = (low + (high - low) * rng.random((n, len(FEATURES))) ** 3).astype(np.float32)
    for f, splits in thresholds(booster).items():
        tie = rng.random(n) < 0.35
        x[tie, f] = rng.choice(splits, tie.sum())
    holes = rng.random(x.shape) < np.linspace(0, 0.9, n)[:, None]
    x[holes] = np.nan
    return x


def request(rng, year=None) -> dict:
    """One made-up request of the contract; each optional part is there or not by the toss of a coin.

    Histories are arrays aligned by days before the date, as the service places the dated entries of a request.
    """
    there = lambda share=0.5: rng.random() < share
    pick = lambda low, high, digits: round(float(rng.uniform(low, high)), digits)
    wet = lambda: round(float(rng.gamma(0.4, 14)) if there(0.6) else 0.0, 1)
    day = int(rng.integers(1, 29))
    q = {
        "latitude": pick(-55, 65, 4),
        "longitude": pick(-180, 180, 4),
        "date": f"{rng.integers(1990, 2030)}-{rng.integers(1, 13):02d}-{day:02d}",
        "rainfall_mm": wet() if there(0.9) else pick(60, 1800, 1),
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
    year = there(0.4) if year is None else year
    if year or there(0.6):
        days = int(rng.choice([365, 366, 400, 300, 292])) if year else int(rng.choice([1, 2, 3, 4, 6, 7, 10, 14, 29, 30, 60, 90]))
        q["rainfall_history_mm"] = [wet() for _ in range(days)] if there(0.9) else [0.0] * days
        if year:
            q["temperature_history"] = [round(warmth + 8 * float(np.sin(i / 58)) + float(rng.normal(0, 3)), 1)
                                        for i in range(days)]
        for name in ("rainfall_history_mm", "temperature_history"):
            if name in q and days > 3 and there(0.3):
                for _ in range(int(rng.integers(1, 12))):
                    q[name][int(rng.integers(0, days))] = None
    if there(0.4):
        q["temperature_7d_mean"] = round(warmth + pick(-6, 6, 2), 2)
    if there(0.4):
        q["temperature_30d_mean"] = round(warmth + pick(-10, 10, 2), 2)
    if there(0.4):
        q["rainfall_forecast_mm"] = [wet() if there(0.9) else pick(60, 1800, 1) for _ in range(int(rng.integers(1, 4)))]
    if there(0.5):
        normal = pick(-1, 3, 3)
        span = pick(0.5, 8, 3)
        value = lambda: round(normal + span * pick(-0.3, 1.6, 4), 4)
        q["river"] = {"value": value(), "normal": normal, "flood_threshold": round(normal + span, 3)}
        if there():
            q["river_history"] = [value() if there(0.95) else None for _ in range(int(rng.choice([2, 3, 7, 20, 30, 40])))]
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


def parse(asked: list[dict]) -> Rows:
    """Requests to raw inputs, as the service reads them."""
    number = lambda v: np.nan if v is None else float(v)
    get = lambda name: np.array([number(q.get(name)) for q in asked])

    def series(name, days):
        out = np.full((len(asked), days), np.nan)
        for i, q in enumerate(asked):
            values = [number(v) for v in q.get(name, [])][:days]
            out[i, :len(values)] = values
        return out

    river = series("river_history", RIVER_DAYS)
    for i, q in enumerate(asked):
        r = {k: number(v) for k, v in q.get("river", {}).items()}
        if not np.isnan(r.get("value", np.nan)):
            river[i, 0] = r["value"]
        river[i] = (river[i] - r.get("normal", np.nan)) / (r.get("flood_threshold", np.nan) - r.get("normal", np.nan))
    return Rows(
        latitude=get("latitude"),
        day_of_year=np.array([float(pd.Timestamp(q["date"]).dayofyear) for q in asked]),
        rain=get("rainfall_mm"),
        rain_7d_mean=get("rainfall_7d_mean"),
        rain_30d_mean=get("rainfall_30d_mean"),
        history=series("rainfall_history_mm", HISTORY),
        temperature=get("temperature"),
        temperature_7d_mean=get("temperature_7d_mean"),
        temperature_30d_mean=get("temperature_30d_mean"),
        temperature_history=series("temperature_history", HISTORY),
        humidity=get("humidity"),
        river=river,
        forecast=series("rainfall_forecast_mm", 1)[:, 0],
        site=np.array([[number(q.get("site", {}).get(n)) for n in SITE] for q in asked]),
    )


def golden(model: Model, low: np.ndarray, high: np.ndarray, seed: int) -> dict:
    rng = np.random.default_rng(seed)
    out = {"rows": [], "requests": []}
    for key, part in model.parts.items():
        name, forecast = (key[0], True) if isinstance(key, tuple) else (key, False)
        x = rows(part.booster, low, high, rng)
        margins = model.margin(name, forecast, x)
        phi = model.contributions(name, forecast, x)
        for row, m, c, p in zip(x, margins, phi, model.calibration(name, forecast).probability(margins)):
            out["rows"].append({
                "member": name,
                "forecast": forecast,
                "features": [shortest(v) for v in row],
                "margin": float(f"{m:.9g}"),
                "probability": float(p),
                "contributions": [float(f"{v:.6g}") for v in c],
            })
    for i in range(REQUESTS):
        q = request(rng)
        _, name, forecast, x, m = model.answer(parse([q]))
        c = model.calibration(name, forecast)
        lower, upper = c.bounds(np.array([m]))
        p = float(c.probability(np.array([m]))[0])
        out["requests"].append({
            "request": q,
            "member": name,
            "forecast": forecast,
            "features": [shortest(v) for v in x],
            "probability": p,
            "lower": min(float(lower[0]), p),
            "upper": max(float(upper[0]), p),
        })
    return out


def write(path, content: dict) -> None:
    """One row or request a line, so that a change can be reviewed."""
    part = lambda items: "[\n" + ",\n".join(json.dumps(i, separators=(",", ":")) for i in items) + "\n]"
    path.write_text(f'{{"rows":{part(content["rows"])},\n"requests":{part(content["requests"])}}}\n')
