"""Read the public development data and serve it as raw request inputs.

A *row* is one basin on one day. `Rows` holds exactly what a client could post for that day, in float64 with NaN for
missing, before any rounding; features.py turns it into the model's features. Keeping the raw inputs as the interface
means that hiding an input in training takes the very path that a missing input takes in the service.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

HISTORY = 365  # days of weather before today that the features read
RIVER_DAYS = 30  # days of the river that the features read, yesterday first

# Request name of each site attribute -> column of us_caravan_basins.csv.
SITE = {
    "elevation_m": "elev_m",
    "slope_m_per_km": "slope_m_per_km",
    "area_km2": "area_km2",
    "soil_depth_m": "soil_depth_statsgo",
    "soil_porosity": "soil_porosity",
    "soil_conductivity_cm_h": "soil_conductivity",
    "soil_water_capacity_m": "max_water_content",
    "sand_percent": "sand_frac",
    "silt_percent": "silt_frac",
    "clay_percent": "clay_frac",
    "precipitation_mean_mm_day": "p_mean",
    "pet_mean_mm_day": "pet_mean",
    "precipitation_seasonality": "p_seasonality",
    "snow_fraction": "frac_snow",
    "aridity": "aridity",
    "high_precipitation_days": "high_prec_freq",
    "forest_fraction": "frac_forest",
    "leaf_area_index_max": "lai_max",
    "geology_permeability_log10_m2": "geol_permeability",
}

# The sets train together; MOPEX brings rain measured by gauges, NLDAS brings humidity.
SETS = ("us_caravan", "us_mopex", "us_nldas_humidity")

# Regions left out together, by two-digit hydrologic unit: a unit is never split, because neighbours share storms. Units of
# a group lie apart, so that each of them is new to a model that knows the regions around it.
REGION_FOLDS = (("01", "10"), ("02", "11"), ("03", "09", "16"), ("04", "17"), ("05", "13", "18"),
                ("06", "07", "08", "12", "14", "15"))


@dataclasses.dataclass
class Basins:
    """All basins of all sets; daily series are [basin, day] on one calendar, NaN outside a basin's record."""

    ids: np.ndarray
    source: np.ndarray  # index into SETS
    fold: np.ndarray  # index into REGION_FOLDS
    lat: np.ndarray
    lon: np.ndarray
    site: np.ndarray  # [basin, len(SITE)]
    first_day: pd.Timestamp
    rain: np.ndarray
    temp: np.ndarray
    humidity: np.ndarray
    flow: np.ndarray
    q_2yr: np.ndarray
    q_median: np.ndarray

    @property
    def days(self) -> pd.DatetimeIndex:
        return pd.date_range(self.first_day, periods=self.rain.shape[1])

    def day_index(self, date: str) -> int:
        return (pd.Timestamp(date) - self.first_day).days

    def flood_ratio(self) -> np.ndarray:
        """Flow over its 2-year level: a flood day has a ratio of one or more."""
        return self.flow / self.q_2yr[:, None]


def load(folder: Path) -> Basins:
    """Read the three daily sets, leave out basins whose threshold means nothing, align them on one calendar."""
    meta, daily = [], []
    for index, name in enumerate(SETS):
        basins = pd.read_csv(folder / f"{name}_basins.csv", dtype={"basin_id": str, "huc_02": str})
        series = pd.read_csv(folder / f"{name}_daily.csv.gz", dtype={"basin_id": str}, parse_dates=["date"])
        if name == "us_mopex":
            series["temp_c"] = (series.tmax_c + series.tmin_c) / 2
            basins["slope_m_per_km"] = basins.slope_pct * 10
            basins = basins.rename(columns={"clay_pct": "clay_frac", "silt_pct": "silt_frac", "sand_pct": "sand_frac"})
        if name != "us_caravan":
            basins = basins.merge(climate(series), on="basin_id")
        basins["source"] = index
        meta.append(basins)
        daily.append(series.assign(source=index))
    meta = pd.concat(meta, ignore_index=True)
    daily = pd.concat(daily, ignore_index=True)

    # Humidity of the NLDAS basins that Caravan holds too is joined to Caravan's rows; the others stay basins of their own.
    known = set(meta.basin_id[meta.source == 0])
    shared = (meta.source == 2) & meta.basin_id.isin(known)
    humid = daily[(daily.source == 2)]
    meta = meta[~shared]
    usable = (meta.q_2yr >= 0.5) & ~(meta.baserate_2yr_before_cut > 0.03)
    meta = meta[usable].reset_index(drop=True)

    first = daily.date.min()
    n_days = (daily.date.max() - first).days + 1
    where = {(s, b): i for i, (s, b) in enumerate(zip(meta.source, meta.basin_id))}
    shape = (len(meta), n_days)
    rain, temp, humidity, flow = (np.full(shape, np.nan, np.float32) for _ in range(4))
    for (source, basin), rows in daily.groupby(["source", "basin_id"], sort=False):
        i = where.get((source, basin))
        if i is None:
            continue
        start = (rows.date.iloc[0] - first).days
        span = slice(start, start + len(rows))
        rain[i, span], temp[i, span], flow[i, span] = rows.precip_mm, rows.temp_c, rows.q_mm
    for basin, rows in humid.groupby("basin_id", sort=False):
        i = where.get((0, basin), where.get((2, basin)))
        if i is not None:
            start = (rows.date.iloc[0] - first).days
            humidity[i, start:start + len(rows)] = rows.rh_pct

    fold_of = {huc: k for k, group in enumerate(REGION_FOLDS) for huc in group}
    return Basins(
        ids=meta.basin_id.to_numpy(),
        source=meta.source.to_numpy(),
        fold=meta.huc_02.str[:2].map(fold_of).to_numpy(),
        lat=meta.lat.to_numpy(),
        lon=meta.lon.to_numpy(),
        site=meta.reindex(columns=list(SITE.values())).to_numpy(np.float64),
        first_day=first,
        rain=rain,
        temp=temp,
        humidity=humidity,
        flow=flow,
        q_2yr=meta.q_2yr.to_numpy(),
        q_median=np.nanmedian(flow, axis=1),
    )


def climate(series: pd.DataFrame) -> pd.DataFrame:
    """Climate attributes of the basins that have none, from their own weather, after Addor et al. 2017.

    Potential evapotranspiration is left out: it would need radiation.
    """
    rain = series.groupby("basin_id").precip_mm
    mean = rain.mean()
    season = 2 * np.pi / 365.25 * series.date.dt.dayofyear
    snow = series.precip_mm.where(series.temp_c < 0, 0.0)
    many = series.precip_mm >= 5 * series.basin_id.map(mean)
    group = lambda values: values.groupby(series.basin_id).mean()
    # First harmonic of rain and of temperature: Woods' (2009) seasonality, +1 when they peak together.
    wave = lambda column: (2 * group(series[column] * np.cos(season)), 2 * group(series[column] * np.sin(season)))
    (rc, rs), (tc, ts) = wave("precip_mm"), wave("temp_c")
    apart = np.arctan2(rs, rc) - np.arctan2(ts, tc)
    return pd.DataFrame({
        "p_mean": mean,
        "p_seasonality": np.hypot(rc, rs) / mean * np.cos(apart),
        "frac_snow": group(snow) / mean,
        "high_prec_freq": 365.25 * group(many.astype(float)),
    }).reset_index()


@dataclasses.dataclass
class Rows:
    """Raw request inputs of many rows. Every field is float64 with NaN for missing."""

    latitude: np.ndarray
    day_of_year: np.ndarray
    rain: np.ndarray
    rain_7d_mean: np.ndarray
    rain_30d_mean: np.ndarray
    history: np.ndarray  # [row, HISTORY], rain of the days before today, newest first
    temperature: np.ndarray
    temperature_7d_mean: np.ndarray
    temperature_30d_mean: np.ndarray
    temperature_history: np.ndarray  # [row, HISTORY], newest first
    humidity: np.ndarray
    river: np.ndarray  # [row, RIVER_DAYS], (value - normal) / (flood_threshold - normal), yesterday first
    forecast: np.ndarray  # rain of tomorrow, as a forecast says
    site: np.ndarray  # [row, len(SITE)]

    def __len__(self) -> int:
        return len(self.rain)

    def copy(self) -> "Rows":
        return Rows(**{f.name: getattr(self, f.name).copy() for f in dataclasses.fields(self)})

    def take(self, index) -> "Rows":
        return Rows(**{f.name: getattr(self, f.name)[index] for f in dataclasses.fields(self)})


def forecast_of(basins: Basins, basin: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Observed rain of tomorrow degraded to the error of a forecast made today.

    Three errors that forecasts of daily rain have: rain comes a day early or late (a share of the neighbouring day is
    mixed in), its amount is off by a lognormal factor without bias in the mean, and drizzle comes and goes. The seed is the
    basin and the day, so that every run and every split sees the same forecast.
    """
    def uniform(stream):  # a hash of basin, day and stream to (0, 1): splitmix64
        z = (basin.astype(np.uint64) << np.uint64(32)) + day.astype(np.uint64)
        z = z * np.uint64(8) + np.uint64(stream) + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        z = z ^ (z >> np.uint64(31))
        return ((z >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53

    last = basins.rain.shape[1] - 1
    there = basins.rain[basin, np.minimum(day + 1, last)].astype(np.float64)
    side = basins.rain[basin, np.minimum(np.where(uniform(0) < 0.5, day, day + 2), last)].astype(np.float64)
    share = FORECAST_SHIFT * uniform(1) ** 2
    amount = (1 - share) * there + share * np.where(np.isnan(side), there, side)
    normal = np.sqrt(-2 * np.log(uniform(2))) * np.cos(2 * np.pi * uniform(3))
    said = amount * np.exp(FORECAST_SPREAD * normal - FORECAST_SPREAD**2 / 2)
    return np.where(said + 0.3 * (uniform(4) - 0.5) < 0.2, 0.0, said)


FORECAST_SHIFT = 0.6  # greatest share of tomorrow's forecast that belongs to the day before or after
FORECAST_SPREAD = 0.45  # of the amount, in log


def rows_at(basins: Basins, basin: np.ndarray, day: np.ndarray) -> Rows:
    """Everything known at the end of `day` in `basin`."""

    def days(series, first, count):
        return series[basin[:, None], np.maximum(day[:, None] - first - np.arange(count), 0)].astype(np.float64)

    history, rain = days(basins.rain, 1, HISTORY), basins.rain[basin, day].astype(np.float64)
    warmth, temperature = days(basins.temp, 1, HISTORY), basins.temp[basin, day].astype(np.float64)
    normal = basins.q_median[basin][:, None]
    return Rows(
        latitude=basins.lat[basin],
        day_of_year=basins.days.dayofyear.to_numpy()[day].astype(np.float64),
        rain=rain,
        rain_7d_mean=(rain + history[:, :6].sum(axis=1)) / 7,
        rain_30d_mean=(rain + history[:, :29].sum(axis=1)) / 30,
        history=history,
        temperature=temperature,
        temperature_7d_mean=(temperature + warmth[:, :6].sum(axis=1)) / 7,
        temperature_30d_mean=(temperature + warmth[:, :29].sum(axis=1)) / 30,
        temperature_history=warmth,
        humidity=basins.humidity[basin, day].astype(np.float64),
        river=(days(basins.flow, 1, RIVER_DAYS) - normal) / (basins.q_2yr[basin][:, None] - normal),
        forecast=forecast_of(basins, basin, day),
        site=basins.site[basin],
    )


def labelled(basins: Basins, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(basin, day, y, peak) of every row in [first, last): y = flood today or tomorrow, peak = the greater flood ratio.

    A row counts when the flow of both days is known (or the known one is already a flood) and a year of rain precedes it.
    """
    ratio = basins.flood_ratio()
    today, tomorrow = ratio[:, :-1], ratio[:, 1:]
    peak = np.fmax(today, tomorrow)
    flood = peak >= 1
    known = flood | ~(np.isnan(today) | np.isnan(tomorrow))
    recorded = ~np.isnan(basins.rain)
    enough = np.zeros_like(recorded)
    enough[:, HISTORY:] = recorded[:, HISTORY:] & recorded[:, :-HISTORY]
    use = known & enough[:, :-1]
    use[:, :first] = False
    use[:, last:] = False
    basin, day = np.nonzero(use)
    return basin, day, flood[basin, day], peak[basin, day]
