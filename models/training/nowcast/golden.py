"""Golden predictions: rows and whole requests with the answers that the service must give, missing values included."""

from __future__ import annotations

import numpy as np

import features
import network
import samples
import sequence
from data import ANCHORS, Station
from samples import LEADS

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
THRESHOLDS = (0.25, 0.7, 1.0, 1.6)  # z


class Curve:
    """A pooled, recalibrated mixture: the distribution of z at one horizon."""

    def __init__(self, parts: list[tuple[network.Member, samples.Rows, float]], horizon: int, origin: float):
        self.origin, self.slope = origin, 0.0
        pieces = []
        for member, row, share in parts:
            location, scale, weight = (m[0, 0] for m in member.mixture(row, [horizon]))
            pieces.append((location, scale, weight * share))
            self.slope += share * float(network.BASIS[horizon - 1] @ member.slope)
        self.location, self.scale, self.weight = (np.concatenate(p) for p in zip(*pieces))

    def below(self, z: float) -> float:
        v = np.arcsinh((z - self.origin) / features.SMALL)
        p = float((self.weight / (1 + np.exp(-(v - self.location) / self.scale))).sum())
        return float(network.recalibrate(np.array(p), self.slope))

    def quantile(self, p: float) -> float:
        lo, hi = -40.0, 40.0
        for _ in range(100):
            middle = (lo + hi) / 2
            if self.below(self.origin + features.SMALL * np.sinh(middle)) < p:
                lo = middle
            else:
                hi = middle
        return float(self.origin + features.SMALL * np.sinh((lo + hi) / 2))


def row_of(x: np.ndarray, forecast: np.ndarray | None) -> samples.Rows:
    f = np.zeros((1, LEADS)) if forecast is None else forecast[None].astype(float)
    nothing = np.zeros(1)
    return samples.Rows(x[None], np.zeros((1, LEADS)), f, nothing, nothing, nothing, nothing)


def shared(plain, informed, x, forecast, horizon: int):
    """A forecast of fewer hours than the horizon shares the answer with the member that has none."""
    known = 0 if forecast is None else len(forecast)
    share = min(1.0, known / horizon)
    parts = []
    if share > 0:
        full = np.zeros(LEADS)
        full[:known] = forecast
        parts.append((informed, row_of(x, full), share))
    if share < 1:
        parts.append((plain, row_of(x, None), 1 - share))
    return parts


def number(v: float):
    return None if np.isnan(v) else float(v)


def rows(members: dict[str, network.Member], test: samples.Rows, rng: np.random.Generator, count: int = 8) -> list[dict]:
    """Half of the rows from rivers near their threshold."""
    out = []
    near = np.flatnonzero(test.z > 0.5)
    for name, member in members.items():
        for i in [*rng.choice(near, count // 2, replace=False), *rng.choice(len(test), count // 2, replace=False)]:
            x, forecast = test.x[i], np.round(test.forecast[i].astype(float), 2)
            origin = float(x[0]) if member.settings.river else 0.0
            for h in (1, 5, 24, 60) if member.settings.forecast else (1, 5, 24):
                c = Curve([(member, row_of(x, forecast), 1.0)], h, origin)
                out.append({
                    "member": name, "horizon": h, "features": [float(v) for v in x.astype(float)],
                    "forecast": [float(v) for v in forecast] if member.settings.forecast else None,
                    "exceedance": [1 - c.below(t) for t in THRESHOLDS], "quantiles": [c.quantile(p) for p in QUANTILES],
                })
    return out


def requests(members: dict[str, network.Member], stations: list[Station], rng: np.random.Generator) -> list[dict]:
    """Sequences of real gauges, whole and spoiled in every way that the cleaning knows."""
    out = []
    kinds = ("whole", "short", "gaps", "daily", "six_hourly", "ten_minutes", "faults", "rain_only", "level_only",
             "no_thresholds", "no_thresholds_discharge", "forecast", "short_forecast", "long_forecast", "rain_only_forecast", "stale", "nothing")
    for kind in kinds:
        s = stations[int(rng.integers(len(stations)))]
        flows = [q for q in stations if q.unit == "m3/s"]
        if kind == "no_thresholds_discharge":
            s = flows[0]
        use = np.flatnonzero((s.z > 0.6) & (np.arange(len(s)) > 400) & (np.arange(len(s)) < len(s) - 80))
        end = int(rng.choice(use))
        n = {"short": 9, "ten_minutes": 30}.get(kind, 200)
        if kind == "daily":
            n = 330
        at = np.arange(end - n + 1, end + 1)
        value = np.round(s.normal + (s.threshold - s.normal) * s.z[at], 4)
        rain, seconds = np.round(s.rain[at], 2), at * 3600.0
        if kind in ("daily", "six_hourly"):
            step = 24 if kind == "daily" else 6
            keep = np.arange(n)[(n - 1) % step::step]
            rain = np.round([np.nansum(rain[max(0, k - step + 1):k + 1]) for k in keep], 2)
            seconds, value = seconds[keep], value[keep]
        if kind == "ten_minutes":
            seconds = end * 3600.0 - 600.0 * np.arange(n)[::-1]
        if kind == "gaps":
            keep = np.sort(rng.choice(n - 1, 120, replace=False))
            keep = np.r_[keep, n - 1]
            seconds, value, rain = seconds[keep] + np.where(keep < n - 1, rng.integers(0, 1500, len(keep)), 0), value[keep], rain[keep]
            value[rng.random(len(value)) < 0.2] = np.nan
            rain[rng.random(len(rain)) < 0.2] = np.nan
        if kind == "faults":
            value[30], value[60], value[90] = -999.0, 9999.0, value[90] + 3 * (s.threshold - s.normal)
            rain[20], rain[50] = -5.0, 900.0
        if kind in ("rain_only", "rain_only_forecast", "nothing"):
            value[:] = np.nan
        if kind in ("level_only", "nothing"):
            rain[:] = np.nan
        if kind == "stale":
            value[-10:] = np.nan
        normal, threshold = round(s.normal, 4), round(s.threshold, 4)
        if kind.startswith("no_thresholds"):
            normal = threshold = np.nan
        forecast = None
        if "forecast" in kind:
            hours = {"short_forecast": 7, "long_forecast": 72}.get(kind, 24)
            forecast = np.round(np.nan_to_num(s.rain[end + 1:end + 1 + hours]) + 0.3, 2)
        level, flow = (value, np.full(len(value), np.nan)) if s.unit == "m" else (np.full(len(value), np.nan), value)
        out.append(answer(members, kind, seconds - seconds[0], rain, level, flow, normal, threshold, forecast))
    return out


def answer(members, kind, seconds, rain, level, flow, normal, threshold, forecast) -> dict:
    g = sequence.grid(seconds, rain, level, flow, normal, threshold)
    z = g.z.copy()
    river = g.series != "none"
    if not river:
        z[0] = 0.0
    x = features.assemble(z[None], g.rain[None])[0].astype(np.float32)
    wet = bool((~np.isnan(g.rain)).any())
    predictions = []
    for h in (*ANCHORS, 4, 17, *(range(30, 73, 21) if forecast is not None and len(forecast) == LEADS else ())):
        p = {"hours_ahead": h, "quantiles": None}
        if river:
            plain = members["level_rain" if wet else "level"]
            c = Curve(shared(plain, members["level_rain_forecast"], x, forecast, h), h, float(x[0]))
            p["quantiles"] = [
                max(v, 0.0) if g.series == "discharge" and g.origin >= 0 and not np.nanmin(flow) < 0 else v
                for v in (g.origin + g.scale * min(max(c.quantile(q), -40), 100) for q in QUANTILES)
            ]
        if not g.scaled:
            c = Curve(shared(members["rain"], members["rain_forecast"], x, forecast, h), h, 0.0)
        p["flood_probability"] = 1 - c.below(1.0)
        predictions.append(p)
    return {
        "kind": kind,
        "readings": [[float(t), number(r), number(a), number(b)] for t, r, a, b in zip(seconds, rain, level, flow)],
        "normal": number(normal), "flood_threshold": number(threshold),
        "rainfall_forecast_mm": None if forecast is None else [float(v) for v in forecast],
        "features": [float(v) for v in x.astype(float)], "predictions": predictions,
    }
