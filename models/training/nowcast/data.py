"""Hourly river and rain records, as regular hourly arrays per station in z units."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

HORIZONS = np.arange(1, 73)  # hours
NEAR = 24  # h; farther horizons are answered only where a rain forecast reaches that far
ANCHORS = (1, 3, 6, 12, 24)  # horizons that are reported for every member
FRENCH = "fr_gloria"  # group of the level-only gauges of one storm
FAR = (48, 72)  # horizons that are reported for the members with a rain forecast


@dataclasses.dataclass
class Station:
    """One gauge on a regular hourly axis; NaN is missing."""

    name: str
    group: str  # river system: stations of one group are correlated
    start: np.datetime64
    z: np.ndarray  # (value - normal) / (flood_threshold - normal)
    rain: np.ndarray  # mm in the hour
    temperature: np.ndarray  # degC
    humidity: np.ndarray  # %
    normal: float
    threshold: float
    unit: str

    def __len__(self) -> int:
        return len(self.z)

    def split(self, share: float = 0.75) -> int:
        """The hour before which `share` of the observed target hours lie."""
        seen = np.flatnonzero(~np.isnan(self.z))
        return int(seen[int(share * len(seen))])


def load(folder: Path) -> list[Station]:
    meta = pd.read_csv(folder / "hourly_stations.csv").set_index("station_id")
    table = pd.read_csv(folder / "hourly_gauges.csv.gz", parse_dates=["time_local"])
    out = []
    for name, rows in table.groupby("station_id", sort=True):
        m = meta.loc[name]
        rows = rows.drop_duplicates("time_local").set_index("time_local")
        axis = pd.date_range(rows.index[0].floor("H"), rows.index[-1].floor("H"), freq="H")
        rows = rows.reindex(axis)
        value = rows[m.target].to_numpy(float)
        scale = m.q99 - m["median"]
        out.append(Station(
            name, m.group, axis[0].to_datetime64(), (value - m["median"]) / scale, rows.rain_mm.to_numpy(float),
            rows.temp_c.to_numpy(float), rows.rh_pct.to_numpy(float), float(m["median"]), float(m.q99),
            "m" if m.target == "level_m" else "m3/s",
        ))
    return out


def load_french(folder: Path) -> list[Station]:
    """Levels of the storm Gloria, January 2020, without rain. Normal and threshold are of the same month."""
    table = pd.read_csv(folder / "fr_hubeau_hourly_level.csv.gz", parse_dates=["time_utc"]).dropna(subset=["level_m"])
    out = []
    for name, rows in table.groupby("station_id", sort=True):
        value = rows.drop_duplicates("time_utc").set_index("time_utc").level_m.sort_index()
        normal, threshold = float(value.median()), float(value.quantile(0.99))
        if len(value) < 200 or threshold - normal < 0.05:  # m; gauges that hardly moved are left out
            continue
        value = value.reindex(pd.date_range(value.index[0].floor("H"), value.index[-1].floor("H"), freq="H"))
        z = ((value - normal) / (threshold - normal)).to_numpy(float)
        nothing = np.full(len(z), np.nan)
        out.append(Station(f"fr_{name}", FRENCH, value.index[0].to_datetime64(), without_spikes(z), nothing, nothing, nothing,
                           normal, threshold, "m"))
    return out


def without_spikes(z: np.ndarray) -> np.ndarray:
    """Single readings that leave by more than 0.7 and return are left out, as the service does, downwards or upwards."""
    z = z.copy()
    before, after = z[1:-1] - z[:-2], z[1:-1] - z[2:]
    least = np.minimum(np.abs(before), np.abs(after))
    with np.errstate(invalid="ignore"):
        spike = (before * after > 0) & (least > 0.7) & (np.abs(z[2:] - z[:-2]) < 0.3 * least)
    z[1:-1][spike] = np.nan
    return z
