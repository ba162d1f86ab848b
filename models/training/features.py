"""The feature schema "risk-1": raw request inputs -> the model's features.

The service mirrors this file in domain/vector, operation for operation, so every formula is plain float64 arithmetic in
a stated order, cast to float32 at the end. Rules that both sides rely on:

* inputs are rounded first (half away from zero), so that two requests that mean the same score the same;
* every rain feature is non-decreasing in every raw rain input: no difference or ratio has rain on its falling side;
* a feature whose inputs are missing is NaN; nothing is imputed.
"""

from __future__ import annotations

import dataclasses

import numpy as np

import flood_rain
from data import SITE, Rows
from flood_rain import FloodRain

SCHEMA = "risk-1"
SITE_NAMES = list(SITE)
INDEX_DAYS = 30  # an antecedent index forgets rain older than this
YEAR = 365.25
DRIEST = 0.1  # mm/day, least climate rain that rain is divided by

@dataclasses.dataclass(frozen=True)
class Feature:
    name: str
    unit: str
    monotone: int
    description: str


def round_to(x: np.ndarray, per_unit: float) -> np.ndarray:
    """Round to 1/per_unit, half away from zero, as Go's math.Round(x*per_unit)/per_unit."""
    scaled = np.abs(x * per_unit)
    whole = np.floor(scaled)
    return np.copysign(whole + (scaled - whole >= 0.5), x) / per_unit


def canonical(rows: Rows) -> Rows:
    """Round the raw inputs to the resolution the service keys its cache on."""
    return dataclasses.replace(
        rows,
        rain=round_to(rows.rain, 10),
        history=round_to(rows.history, 10),
        rain_7d_mean=round_to(rows.rain_7d_mean, 100),
        rain_30d_mean=round_to(rows.rain_30d_mean, 100),
        temperature=round_to(rows.temperature, 10),
        temperature_7d_mean=round_to(rows.temperature_7d_mean, 10),
        temperature_30d_mean=round_to(rows.temperature_30d_mean, 10),
        humidity=round_to(rows.humidity, 1),
        latitude=round_to(rows.latitude, 100),
        river=round_to(rows.river, 10000),
        site=rows.site.astype(np.float32).astype(np.float64),
    )


def antecedent_index(decay, daily, cumulative, known, total7, total30):
    """Sum of decay^age * rain over 30 days, today having age 0.

    `known` leading days of `daily` (zero beyond) enter as they are. The rest of the week and of the month enter with the
    mean weight of their days times what the 7- and 30-day totals leave over, so the index exists whenever the 30-day
    total does. Newer rain weighs more than older rain, hence raising a day, the week or the month never lowers it.
    """
    head = daily[:, INDEX_DAYS - 1].copy()
    for age in range(INDEX_DAYS - 2, -1, -1):
        head = head * decay + daily[:, age]

    weights = np.cumprod(np.append(1.0, np.full(INDEX_DAYS - 1, decay)))
    tail = np.append(np.cumsum(weights[::-1])[::-1], 0.0)  # tail[n] = sum of weights from age n on
    n = np.minimum(known, INDEX_DAYS)
    sum_known = cumulative[np.arange(len(n)), n - 1]

    week = (n < 7) & ~np.isnan(total7)
    start = np.where(week, 7, n)  # age at which "the rest of the month" begins
    week_weight = np.where(week, (tail[n] - tail[7]) / np.maximum(7 - n, 1), 0.0)
    month_weight = tail[start] / np.maximum(INDEX_DAYS - start, 1)
    before_month = np.where(week, np.fmax(total7, sum_known), sum_known)
    week_rest = np.where(week, np.maximum(total7 - sum_known, 0.0), 0.0)
    month_rest = np.maximum(total30 - before_month, 0.0)
    return head + week_weight * week_rest + month_weight * month_rest


def season_day(latitude, day_of_year):
    """Day of year as the northern hemisphere would call it: half a year later south of the equator."""
    return np.where(latitude < 0, (day_of_year + YEAR / 2) % YEAR, day_of_year)


def assemble(rows: Rows) -> np.ndarray:
    """Features of all rows in the order of FEATURES, float32 [row, feature]."""
    r = canonical(rows)
    known = 1 + np.cumprod(~np.isnan(r.history), axis=1).sum(axis=1)  # leading days of known rain, today included
    width = max(r.history.shape[1], INDEX_DAYS - 1)
    daily = np.zeros((len(rows), 1 + width))
    daily[:, 0] = r.rain
    daily[:, 1:1 + r.history.shape[1]] = np.where(np.arange(r.history.shape[1]) < (known - 1)[:, None], r.history, 0.0)
    cumulative = np.cumsum(daily, axis=1)

    def total(days):
        return np.where(known >= days, cumulative[:, min(days, width + 1) - 1], np.nan)

    mean7 = np.where(np.isnan(r.rain_7d_mean), round_to(total(7) / 7, 100), r.rain_7d_mean)
    mean30 = np.where(np.isnan(r.rain_30d_mean), round_to(total(30) / 30, 100), r.rain_30d_mean)
    rain = {
        "rain_today": r.rain,
        "rain_2d": total(2),
        "rain_4d": total(4),
        "rain_7d_mean": mean7,
        "rain_14d": total(14),
        "rain_30d_mean": mean30,
        "rain_60d": total(60),
        "rain_90d": total(90),
    }
    for name, decay in INDICES.items():
        rain[name] = antecedent_index(decay, daily, cumulative, known, 7 * mean7, 30 * mean30)
    site = dict(zip(SITE_NAMES, r.site.T))
    climate = np.maximum(site["precipitation_mean_mm_day"], DRIEST)
    season = season_day(r.latitude, r.day_of_year) * (2 * np.pi / YEAR)

    values = dict(rain)
    values.update({name: rain[base] / climate for name, base in RELATIVE.items()})
    values["river_ratio"] = r.river
    values["temperature"] = r.temperature
    values["temperature_7d_mean"] = r.temperature_7d_mean
    values["temperature_30d_mean"] = r.temperature_30d_mean
    values["warming_7d"] = r.temperature - r.temperature_7d_mean
    values["warming_30d"] = r.temperature - r.temperature_30d_mean
    values["humidity"] = r.humidity
    values["season_sin"] = np.sin(season)
    values["season_cos"] = np.cos(season)
    values.update(site)
    nothing = np.full(len(rows), np.nan)
    x = np.column_stack([values.get(f.name, nothing) for f in FEATURES])
    return relate_to_floods(x, FITTED_SHORT, FITTED_LONG).astype(np.float32)


def column(x: np.ndarray, name: str) -> np.ndarray:
    return x[:, NAMES.index(name)]


def relate_to_floods(x: np.ndarray, short: FloodRain, long: FloodRain) -> np.ndarray:
    """Fill the features that compare rain with the rain that usually brings a flood to such a site."""
    site = {name: column(x, name).astype(np.float64) for name in flood_rain.ATTRIBUTES}
    storm, month = short(site), long(site)
    column(x, "rain_2d_relative")[:] = column(x, "rain_2d") / storm
    column(x, "index_60_relative")[:] = column(x, "index_60") / storm
    column(x, "index_90_relative")[:] = column(x, "index_90") / month
    column(x, "wet_storm_relative")[:] = column(x, "index_60") / storm * (column(x, "index_90") / month)
    return x


INDICES = {"index_60": 0.6, "index_80": 0.8, "index_90": 0.9}  # name -> share of the rain kept from day to day
RELATIVE = {  # name -> rain that is divided by the site's long-term mean daily rain
    "rain_today_relative": "rain_today",
    "rain_4d_relative": "rain_4d",
    "rain_7d_relative": "rain_7d_mean",
    "rain_30d_relative": "rain_30d_mean",
    "rain_90d_relative": "rain_90d",
    "index_80_relative": "index_80",
}

FEATURES = (
    Feature("rain_today", "mm", 1, "rain of the last 24 h"),
    Feature("rain_2d", "mm", 1, "rain of today and yesterday"),
    Feature("rain_4d", "mm", 1, "rain of today and the three days before"),
    Feature("rain_7d_mean", "mm/day", 1, "mean rain of 7 days, today included"),
    Feature("rain_14d", "mm", 1, "rain of 14 days, today included"),
    Feature("rain_30d_mean", "mm/day", 1, "mean rain of 30 days, today included"),
    Feature("rain_60d", "mm", 1, "rain of 60 days, today included"),
    Feature("rain_90d", "mm", 1, "rain of 90 days, today included"),
    Feature("index_60", "mm", 1, "antecedent precipitation index of 30 days, 60 % kept from day to day"),
    Feature("index_80", "mm", 1, "antecedent precipitation index of 30 days, 80 % kept from day to day"),
    Feature("index_90", "mm", 1, "antecedent precipitation index of 30 days, 90 % kept from day to day"),
    Feature("rain_today_relative", "days", 1, "rain_today over the site's long-term mean daily rain"),
    Feature("rain_2d_relative", "1", 1, "rain_2d over the index_60 that usually comes with a flood at such a site"),
    Feature("rain_4d_relative", "days", 1, "rain_4d over the site's long-term mean daily rain"),
    Feature("rain_7d_relative", "1", 1, "rain_7d_mean over the site's long-term mean daily rain"),
    Feature("rain_30d_relative", "1", 1, "rain_30d_mean over the site's long-term mean daily rain"),
    Feature("rain_90d_relative", "days", 1, "rain_90d over the site's long-term mean daily rain"),
    Feature("index_60_relative", "1", 1, "index_60 over what usually comes with a flood at such a site"),
    Feature("index_80_relative", "days", 1, "index_80 over the site's long-term mean daily rain"),
    Feature("index_90_relative", "1", 1, "index_90 over what usually comes with a flood at such a site"),
    Feature("wet_storm_relative", "1", 1, "index_60_relative times index_90_relative: a storm on wet ground"),
    Feature("river_ratio", "1", 1, "(river value - normal) / (flood threshold - normal) of yesterday"),
    Feature("temperature", "degC", 0, "mean temperature of the last 24 h"),
    Feature("temperature_7d_mean", "degC", 0, "mean temperature of 7 days"),
    Feature("temperature_30d_mean", "degC", 0, "mean temperature of 30 days"),
    Feature("warming_7d", "K", 0, "temperature minus its 7-day mean"),
    Feature("warming_30d", "K", 0, "temperature minus its 30-day mean"),
    Feature("humidity", "%", 0, "relative humidity"),
    Feature("season_sin", "1", 0, "sine of the season, half a year shifted south of the equator"),
    Feature("season_cos", "1", 0, "cosine of the season, half a year shifted south of the equator"),
    Feature("elevation_m", "m", 0, "mean elevation of the catchment"),
    Feature("slope_m_per_km", "m/km", 0, "mean slope"),
    Feature("area_km2", "km2", 0, "catchment area"),
    Feature("soil_depth_m", "m", 0, "soil depth"),
    Feature("soil_porosity", "1", 0, "soil porosity"),
    Feature("soil_conductivity_cm_h", "cm/h", 0, "saturated hydraulic conductivity"),
    Feature("soil_water_capacity_m", "m", 0, "maximum water content of the soil"),
    Feature("sand_percent", "%", 0, "sand in the soil"),
    Feature("clay_percent", "%", 0, "clay in the soil"),
    Feature("precipitation_mean_mm_day", "mm/day", 0, "long-term mean rain"),
    Feature("pet_mean_mm_day", "mm/day", 0, "long-term mean potential evapotranspiration"),
    Feature("precipitation_seasonality", "1", 0, "-1 rain in winter, +1 rain in summer"),
    Feature("snow_fraction", "1", 0, "share of precipitation that falls as snow"),
    Feature("aridity", "1", 0, "potential evapotranspiration over rain"),
    Feature("high_precipitation_days", "days/year", 0, "days a year with five times the mean rain"),
    Feature("forest_fraction", "1", 0, "forested share"),
    Feature("leaf_area_index_max", "1", 0, "greatest monthly leaf area index"),
    Feature("geology_permeability_log10_m2", "log10 m2", 0, "subsurface permeability"),
)
NAMES = [f.name for f in FEATURES]
MONOTONE = [f.monotone for f in FEATURES]

# Coefficients of schema risk-1, in the order of flood_rain.ATTRIBUTES; train_risk.py checks that the data still say so.
_MEAN = (
    654.78, 3.07527, 6.00148, 1.30196, 0.444976, 0.308164, 0.54502, 36.2024, 20.6925,
    1.14751, 2.73588, -0.036158, 0.160394, -0.158043, 20.721, 0.67528, 3.43794, -13.9743,
)
FITTED_SHORT = FloodRain(
    mean=_MEAN,
    intercept=3.40176,
    slope=(
        -0.00031702, 0.178216, -0.0735117, -0.20843, -0.662442, 0.18813, -0.139469, -0.0059119, 0.012323,
        0.691336, 0.0456314, -0.162824, -2.15032, -0.494381, 0.0216479, 0.111084, -0.061144, -0.0253022,
    ),
    low=1.03055,
    high=5.07019,
)
FITTED_LONG = FloodRain(
    mean=_MEAN,
    intercept=4.24829,
    slope=(
        -0.00013357, 0.0838169, -0.002163, -0.114619, -0.193673, 0.138222, -0.124146, -0.00246912, 0.0103511,
        0.572145, 0.0427536, -0.176034, -1.40714, -0.409766, 0.0114827, 0.0598051, -0.0653152, -0.00882258,
    ),
    low=2.72941,
    high=5.47195,
)
