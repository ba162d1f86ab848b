"""Training and test rows: windows of the hourly records, as a client could post them."""

from __future__ import annotations

import dataclasses

import numpy as np

import features
from data import HORIZONS, NEAR, Station

LEADS = len(HORIZONS)


@dataclasses.dataclass
class Rows:
    x: np.ndarray  # features, float32
    y: np.ndarray  # z of the next 72 hours, NaN missing
    forecast: np.ndarray  # mm in each of the next 72 hours, degraded to a forecast's errors
    weight: np.ndarray
    station: np.ndarray
    hour: np.ndarray  # index into the station's axis
    z: np.ndarray  # level now
    recent: np.ndarray | None = None  # rows x (z, rain) x hours of the grid, newest first, float32; only if asked for

    def take(self, use) -> "Rows":
        return Rows(*(v if v is None else v[use] for v in (getattr(self, f.name) for f in dataclasses.fields(self))))

    def __len__(self) -> int:
        return len(self.y)


def future(v: np.ndarray) -> np.ndarray:
    """Column h-1 is the value h hours later."""
    out = np.full((len(v), LEADS), np.nan)
    for h in HORIZONS:
        out[: len(v) - h, h - 1] = v[h:]
    return out


def degrade(rain: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Observed rain of the next 72 hours -> as a forecast would have said it. Errors grow with the lead time.

    Amounts are multiplied by log-normal factors of mean one, one for the whole forecast and one for each hour; the rain is
    shifted in time by a normal number of hours; some rain is missed from some hour on, and some forecasts have rain that
    falls elsewhere.
    """
    n = len(rain)
    rain = np.nan_to_num(rain)
    lead = np.arange(1, LEADS + 1)
    grown = np.where(lead <= NEAR, lead / NEAR, 1 + (lead - NEAR) / 48)  # 1 at a day, 2 at three
    false = rng.random(n) < 0.08
    rain = np.where(false[:, None], rain + 0.5 * rain[rng.permutation(n)], rain)
    shift = np.rint(rng.normal(0, 0.5 + lead[None] * 0.1, (n, LEADS)) * np.sign(rng.normal(size=(n, 1)))).astype(int)
    rain = np.take_along_axis(rain, np.clip(np.arange(LEADS)[None] + shift, 0, LEADS - 1), 1)
    common, own = 0.25 + 0.35 * grown, 0.4 + 0.3 * grown
    noise = common * rng.normal(size=(n, 1)) - common**2 / 2 + own * rng.normal(size=(n, LEADS)) - own**2 / 2
    missed = rng.random((n, LEADS)) < 0.03 + 0.15 * grown
    return np.where(missed, 0, rain * np.exp(noise))


def windows(v: np.ndarray) -> np.ndarray:
    """Row t holds hours t, t-1, ... of v."""
    return np.lib.stride_tricks.sliding_window_view(np.r_[np.full(features.HOURS - 1, np.nan), v], features.HOURS)[:, ::-1]


def spoil(z: np.ndarray, rain: np.ndarray, rng: np.random.Generator) -> None:
    """Shortens, thins and interrupts sequences at random, as real ones are."""
    n, width = z.shape
    length = np.where(rng.random(n) < 0.4, np.exp(rng.uniform(np.log(7), np.log(width + 1), n)), width).astype(int)
    # The river's last readings are missing, up to three days of them.
    late = np.where(rng.random(n) < 0.07, np.exp(rng.uniform(0, np.log(72), n)), 0).astype(int)
    k = np.arange(width)[None]
    beyond = k >= length[:, None]
    step = rng.choice([1, 2, 3, 6, 12, 24], n, p=[0.9, 0.02, 0.02, 0.02, 0.01, 0.03])[:, None]
    gone = (rng.random((n, width)) < np.where(rng.random(n) < 0.05, 0.25, 0)[:, None]) & (k > 0)
    z[beyond | (k < late[:, None]) | (k % step != 0) | gone] = np.nan
    rain[beyond | gone] = np.nan
    for s in (2, 3, 6, 12, 24):  # a coarse reading's rain is spread over its step
        use = np.flatnonzero(step[:, 0] == s)
        if len(use):
            blocks = rain[use].reshape(len(use), width // s, s)
            rain[use] = np.repeat(blocks.mean(axis=2), s, axis=1)


def accelerate(s: Station, factor: int, phase: int) -> Station:
    """The same river as if it were smaller: what took `factor` hours takes one, rain included."""
    n = (len(s) - phase) // factor
    hours = slice(phase, phase + n * factor)
    rain = s.rain[hours].reshape(n, factor)
    return dataclasses.replace(
        s, z=s.z[hours][factor - 1::factor].copy(), rain=np.where(np.isnan(rain).all(axis=1), np.nan, np.nansum(rain, axis=1)),
        temperature=s.temperature[hours][factor - 1::factor], humidity=s.humidity[hours][factor - 1::factor],
    )


def widen(stations: list[Station], seed: int, first=None, last=None, stretch: float = 0.4, wetness: float = 0.3) -> Rows:
    """Training rows with what sixteen gauges have not seen: the rows of `draw`, some rescaled, and accelerated rivers."""
    parts = [draw(stations, seed, first, last, stretch=stretch, wetness=wetness)]
    for factor, share in ((2, 0.35), (3, 0.2)):
        quick = [accelerate(s, factor, (seed + i) % factor) for i, s in enumerate(stations)]
        part = draw(quick, seed + factor, first and [v // factor for v in first], last and [v // factor for v in last],
                    stretch=stretch, wetness=wetness)
        parts.append(dataclasses.replace(part, weight=part.weight * share * factor))
    return join(parts)


def join(parts: list[Rows]) -> Rows:
    return Rows(*(
        None if getattr(parts[0], f.name) is None else np.concatenate([getattr(p, f.name) for p in parts])
        for f in dataclasses.fields(Rows)))


def draw(stations: list[Station], seed: int, first=None, last=None, every: int | None = None, length: int | None = None,
         recent: int = 0, stretch: float = 0, wetness: float = 0) -> Rows:
    """Rows of the hours [first, last) of each station: random ones for training, every so many hours for tests.

    For training, quiet hours are thinned and weighted back. `recent` hours of the grids are kept beside the features.
    `stretch` and `wetness` are the standard deviations of the logarithms by which half of the rows are rescaled: the river, as
    if its threshold were another, and the rain, as if its gauge stood elsewhere.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for i, s in enumerate(stations):
        y = future(s.z)
        usable = ~np.isnan(s.z) & ~np.isnan(y[:, :NEAR]).all(axis=1)
        hours = np.arange(len(s))
        usable &= (hours >= (first[i] if first else 0)) & (hours < (last[i] if last else len(s)))
        if every:
            keep = np.where(hours % every == 0, 1.0, 0.0)
        else:
            with np.errstate(invalid="ignore"):
                near = y[:, :NEAR]
                ahead = np.nanmax(np.where(np.isnan(near), -np.inf, near), axis=1)
                change = np.nanmax(np.nan_to_num(np.abs(near - s.z[:, None])), axis=1)
                keep = np.clip(0.06 + 0.5 * change + 0.5 * (np.fmax(ahead, s.z) > 0.6), 0, 1)
        keep = np.where(usable, keep, 0)
        at = np.flatnonzero(rng.random(len(s)) < keep)
        z_windows, rain_windows, rain_future = windows(s.z), windows(s.rain), future(s.rain)
        x = np.empty((len(at), len(features.FEATURES)), np.float32)
        kept = np.empty((len(at), 2, recent), np.float32)
        gain = np.exp(np.clip(rng.normal(0, stretch, len(at)), -0.7, 1.4) * (rng.random(len(at)) < 0.5)) if stretch else np.ones(len(at))
        wet = np.exp(rng.normal(0, wetness, len(at)) * (rng.random(len(at)) < 0.5)) if wetness else np.ones(len(at))
        for c in range(0, len(at), 20000):
            part = slice(c, c + 20000)
            z, rain = z_windows[at[part]] * gain[part, None], rain_windows[at[part]] * wet[part, None]
            if every is None:
                spoil(z, rain, rng)
                lost = np.isnan(z).all(axis=1)
                z[lost, 0] = (s.z[at[part]] * gain[part])[lost]
            elif length:
                z[:, length:], rain[:, length:] = np.nan, np.nan
            x[c:c + 20000] = features.assemble(z, rain)
            kept[c:c + 20000, 0], kept[c:c + 20000, 1] = z[:, :recent], rain[:, :recent]
        y = y[at] * gain[:, None]
        if last:  # what lies beyond the split is not for training
            y = np.where(at[:, None] + HORIZONS[None] < last[i], y, np.nan)
        parts.append(Rows(
            x, y.astype(np.float32), degrade(rain_future[at] * wet[:, None], rng).astype(np.float32), 1 / keep[at],
            np.full(len(at), i), at, s.z[at] * gain, kept if recent else None,
        ))
    out = join(parts)
    return out.take(~np.isnan(out.y[:, :NEAR]).all(axis=1))
