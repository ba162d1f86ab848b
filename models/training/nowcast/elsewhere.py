"""Levels without rain on rivers, gates and countries that no training saw: how the member `level` does there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import evaluate
import features
import network
import samples
import sequence
from data import ANCHORS, HORIZONS

LEAST_SCALE = 0.05  # m between normal and threshold; gauges that hardly moved are left out
LEAST_READINGS = 200
LENGTH = 168  # h; daily readings go back as far as the grid


def sources(folder: Path) -> dict[str, tuple[list[tuple], tuple[int, ...], int]]:
    """Title -> gauges (hours, level, normal, threshold), horizons in h, a sequence every so many readings."""
    def gauges(table, name, time, level, thresholds=None):
        out = []
        for station, rows in table.dropna(subset=[level]).groupby(name, sort=True):
            rows = rows.drop_duplicates(time).sort_values(time)
            value = rows[level].to_numpy(float)
            hours = ((rows[time] - rows[time].iloc[0]).dt.total_seconds() // 3600).to_numpy()
            normal = float(np.median(value))
            threshold = thresholds[station] if thresholds is not None else float(np.quantile(value, 0.99))
            if len(value) >= LEAST_READINGS and threshold - normal >= LEAST_SCALE:
                out.append((hours, value, normal, threshold))
        return out

    french = pd.read_csv(folder / "fr_hubeau_hourly_level.csv.gz", parse_dates=["time_utc"])
    jakarta = pd.read_csv(folder / "id_jakarta_hourly_level.csv.gz", parse_dates=["time_local"])
    jakarta["level_m"] = jakarta.level_mm / 1000
    shabelle = pd.read_csv(folder / "so_shabelle_daily_level.csv.gz", parse_dates=["date"])
    official = pd.read_csv(folder / "so_shabelle_stations.csv").set_index("station").moderate_m
    return {
        "France, storm Gloria (hourly)": (gauges(french, "station_id", "time_utc", "level_m"), ANCHORS, 3),
        "Jakarta, gates and pumps (hourly)": (gauges(jakarta, "gate", "time_local", "level_m"), ANCHORS, 3),
        "Shabelle, Somalia (daily)": (gauges(shabelle, "station", "date", "level_m", official), (24,), 3),
    }


def rows(gauges: list[tuple], horizons: tuple[int, ...], every: int) -> samples.Rows:
    """Requests as a client would post them, through the same cleaning."""
    x, y, station, hour = [], [], [], []
    for i, (hours, value, normal, threshold) in enumerate(gauges):
        z = (value - normal) / (threshold - normal)
        order = list(range(len(z)))
        truth = {t: v for j, (t, v) in enumerate(zip(hours, z)) if not sequence._spike(z, hours * 3600, order, j)}
        back = LENGTH if len(horizons) > 1 else features.HOURS
        for end in range(len(hours) // 10, len(hours), every):
            first = int(np.searchsorted(hours, hours[end] - back, side="right"))
            nothing = np.full(end + 1 - first, np.nan)
            g = sequence.grid(hours[first:end + 1] * 3600, nothing, value[first:end + 1], nothing, normal, threshold)
            if g.series == "none" or end + 1 - first < 7:
                continue
            later = [truth.get(hours[end] + h, np.nan) if h in horizons else np.nan for h in HORIZONS]
            if not np.isnan(later).all():
                x.append(features.assemble(g.z[None], g.rain[None])[0])
                y.append(later)
                station.append(i)
                hour.append(int(hours[end]))
    x = np.array(x, np.float32)
    n = len(x)
    return samples.Rows(x, np.array(y, np.float32), np.zeros((n, len(HORIZONS)), np.float32), np.ones(n), np.array(station), np.array(hour), x[:, 0].astype(float))


def check(folder: Path, shipped: network.Member, abroad: network.Member, known: samples.Rows) -> dict:
    """Scores of calibrated members; persistence is calibrated on the training gauges. The member that ships saw the French
    gauges, so that another one, which did not, answers for them."""
    out = {}
    for title, (gauges, horizons, every) in sources(folder).items():
        member = abroad if title.startswith("France") else shipped
        r = rows(gauges, horizons, every)
        v = np.repeat(evaluate.V[None], len(r), axis=0)
        below = member.cdf(r, horizons, v)
        p = 1 - member.cdf(r, horizons, np.arcsinh((1 - r.z) / features.SMALL)[:, None])[:, :, 0]
        reference = np.empty((len(r), len(horizons)))
        for j, h in enumerate(horizons):
            seen = known.y[:, h - 1]
            use = ~np.isnan(seen)
            reference[:, j] = evaluate.persistence(known.z[use], seen[use] >= 1, r.z)
        out[title] = {"gauges": len(gauges), "rows": len(r), "scores": evaluate.score(r, below, p, reference, {}, [title] * len(gauges), horizons=horizons)}
        print("level", title, f"{len(gauges)} gauges, {len(r)} sequences:", *(
            f"{h}h: BSS {s['brier_skill']:.3f} CRPSS {s['crps_skill']:.3f} cover {s['coverage']:.3f} "
            f"onset AP {s['onset_average_precision']:.3f};" for h, s in out[title]["scores"].items()), flush=True)
    return out
