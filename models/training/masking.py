"""Hide inputs, as clients do: systematically for a stated pattern, at random for training."""

from __future__ import annotations

import dataclasses

import numpy as np

from data import HISTORY, RIVER_DAYS, Rows
from features import LEVELS


@dataclasses.dataclass(frozen=True)
class Pattern:
    """A named set of inputs that a request brings besides rain of today, place and date."""

    history: int = 0  # days of rain before today
    year: bool = False  # daily rain and temperature of the year before today
    means: bool = True
    temperature: bool = True
    temperature_means: bool = False
    river: int = 0  # days of the river, yesterday first
    site: bool = True
    forecast: bool = False


@dataclasses.dataclass(frozen=True)
class Member:
    """One booster: what it requires, how often training shows it each length of rain history, what skill is quoted for."""

    name: str
    year: bool = False
    river: bool = False
    site: bool = False  # trained with the site, or without it
    history: tuple[float, ...] = (1.0,)  # share of LEVELS
    patterns: tuple[tuple[str, Pattern], ...] = ()

    @property
    def min_history_days(self) -> int:
        return 0 if self.year or self.history[0] else 3

    @property
    def requires(self) -> list[str]:
        return [n for n, needed in (("year", self.year), ("river", self.river), ("site", self.site)) if needed]


def _year(**more) -> Pattern:
    return Pattern(history=HISTORY, year=True, means=False, **more)


RIVER_HISTORY = (0.3, 0.3, 0.1, 0.05, 0.1, 0.05, 0.1)
RAIN_HISTORY = (0.0, 0.55, 0.1, 0.1, 0.1, 0.05, 0.1)

# Most demanding first: the first member whose requirements a request meets answers it.
MEMBERS = (
    Member("year_river_site", year=True, river=True, site=True, patterns=(
        ("year_river_week", _year(river=RIVER_DAYS)), ("year_river", _year(river=1)),
        ("year_river_week_forecast", _year(river=RIVER_DAYS, forecast=True)))),
    Member("year_river", year=True, river=True, patterns=(
        ("year_river_week_no_site", _year(river=RIVER_DAYS, site=False)), ("year_river_no_site", _year(river=1, site=False)))),
    Member("year_site", year=True, site=True, patterns=(
        ("year", _year()), ("year_forecast", _year(forecast=True)))),
    Member("year", year=True, patterns=(
        ("year_no_site", _year(site=False)), ("year_forecast_no_site", _year(site=False, forecast=True)))),
    Member("river_site", river=True, site=True, history=RIVER_HISTORY, patterns=(
        ("river", Pattern(river=1)), ("river_history_3", Pattern(history=3, river=1, temperature_means=True)),
        ("river_week_history_90", Pattern(history=90, river=RIVER_DAYS, temperature_means=True)))),
    Member("river", river=True, site=False, history=RIVER_HISTORY, patterns=(
        ("river_no_site", Pattern(river=1, site=False)),)),
    Member("history_site", site=True, history=RAIN_HISTORY, patterns=(
        ("history_3", Pattern(history=3)), ("history_3_temperature_means", Pattern(history=3, temperature_means=True)),
        ("history_90", Pattern(history=90, temperature_means=True)))),
    Member("history", site=False, history=RAIN_HISTORY, patterns=(
        ("history_3_no_site", Pattern(history=3, temperature_means=True, site=False)),)),
    Member("service_site", site=True, patterns=(
        ("service", Pattern()), ("service_temperature_means", Pattern(temperature_means=True)),
        ("service_forecast", Pattern(temperature_means=True, forecast=True)))),
    Member("service", site=False, patterns=(
        ("service_no_site", Pattern(site=False)),
        ("service_temperature_means_no_site", Pattern(temperature_means=True, site=False)),
        ("rain_today_only", Pattern(means=False, temperature=False, site=False)))),
)

PATTERNS = {name: pattern for member in MEMBERS for name, pattern in member.patterns}


def show_only(rows: Rows, pattern: Pattern) -> Rows:
    """The rows as a client of this pattern would post them; humidity is never among them."""
    shown = rows.copy()
    hidden = {
        "rain_7d_mean": not pattern.means, "rain_30d_mean": not pattern.means, "temperature": not pattern.temperature,
        "temperature_7d_mean": not pattern.temperature_means, "temperature_30d_mean": not pattern.temperature_means,
        "temperature_history": not pattern.year, "site": not pattern.site, "humidity": True, "forecast": not pattern.forecast,
    }
    for field, hide in hidden.items():
        if hide:
            getattr(shown, field)[:] = np.nan
    shown.history[:, pattern.history:] = np.nan
    shown.river[:, pattern.river:] = np.nan
    return shown


def hide_at_random(rows: Rows, member: Member, copy: int, rng: np.random.Generator) -> Rows:
    """The rows with inputs hidden at random, so that the member learns to do without any of them.

    Copy 0 is the complete request of the member, copy 1 has holes.
    """
    shown, n = rows.copy(), len(rows)
    shown.forecast[:] = np.nan

    def hide(share, *fields):
        chosen = rng.random(n) < share
        for field in fields:
            getattr(shown, field)[chosen] = np.nan

    hide(0.3, "humidity")
    if member.year:
        shown.rain_7d_mean[:] = np.nan
        shown.rain_30d_mean[:] = np.nan
        shown.temperature_7d_mean[:] = np.nan
        shown.temperature_30d_mean[:] = np.nan
        if copy:
            holes(shown, rng)
            hide(0.05, "temperature")
    else:
        shown.temperature_history[:] = np.nan
        days = rng.choice(LEVELS[:len(member.history)], n, p=member.history)
        shown.history[np.arange(HISTORY) >= days[:, None]] = np.nan
        if copy:
            hide(0.15, "rain_7d_mean", "rain_30d_mean")
            hide(0.05, "rain_30d_mean")
            hide(0.1, "temperature")
            hide(0.6, "temperature_7d_mean", "temperature_30d_mean")
    if not member.river:
        shown.river[:] = np.nan
    elif copy:
        alone = rng.random(n) < (0.7 if member.year else 0.9)
        shown.river[alone, 1:] = np.nan
    elif not member.year:
        shown.river[rng.random(n) < 0.5, 1:] = np.nan
    if not member.site:
        shown.site[:] = np.nan
    elif copy:
        some = rng.random(n) < 0.2
        drop = some[:, None] & (rng.random(shown.site.shape) < 0.4)
        drop[:, SITE_MEAN_RAIN] = False
        shown.site[drop] = np.nan
    return shown


SITE_MEAN_RAIN = 10  # precipitation_mean_mm_day, which members that require the site ask for


def holes(shown: Rows, rng) -> None:
    """Days missing in the year of a third of the rows: a few single ones, or a stretch."""
    n = len(shown)
    for series, newest in ((shown.history, 3), (shown.temperature_history, 0)):
        share = np.where(rng.random(n) < 0.3, rng.choice([0.003, 0.01, 0.05, 0.15], n), 0.0)
        gone = rng.random(series.shape) < share[:, None]
        length = np.where(rng.random(n) < 0.1, rng.integers(1, 60, n), 0)
        start = rng.integers(newest, HISTORY - 60, n)
        day = np.arange(HISTORY)
        gone |= (day >= start[:, None]) & (day < (start + length)[:, None])
        gone[:, :newest] = False
        series[gone] = np.nan
