"""Hourly river and rain records, as regular hourly arrays per station in z units."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

HORIZONS = np.arange(1, 25)  # hours
ANCHORS = (1, 3, 6, 12, 24)  # horizons that are reported


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
