"""Hide inputs, as clients do: systematically for a stated pattern, at random for training."""

from __future__ import annotations

import dataclasses

import numpy as np

from data import HISTORY, Rows


@dataclasses.dataclass(frozen=True)
class Pattern:
    """A named set of inputs that a request brings besides rain of today, place and date."""

    history: int = 0
    means: bool = True
    temperature: bool = True
    temperature_means: bool = False
    river: bool = False
    site: bool = True


# What skill is quoted for. "service" is what every client of the service posts.
PATTERNS = {
    "service": Pattern(),
    "service_temperature_means": Pattern(temperature_means=True),
    "history_3": Pattern(history=3),
    "history_3_temperature_means": Pattern(history=3, temperature_means=True),
    "history_90": Pattern(history=90, temperature_means=True),
    "river": Pattern(river=True),
    "river_history_3": Pattern(history=3, river=True),
    "river_history_3_temperature_means": Pattern(history=3, river=True, temperature_means=True),
    "river_history_90": Pattern(history=90, river=True, temperature_means=True),
    "rain_today_only": Pattern(means=False, temperature=False, site=False),
    "service_no_site": Pattern(site=False),
    "history_3_no_site": Pattern(history=3, site=False),
    "river_no_site": Pattern(river=True, site=False),
}


@dataclasses.dataclass(frozen=True)
class Member:
    """One booster: the inputs it requires, and how often training shows it each length of rain history."""

    name: str
    requires: tuple[str, ...]
    min_history_days: int
    history_days: tuple[int, ...]
    history_share: tuple[float, ...]
    bare: float  # how often training hides both rain means, and (independently) the whole site
    patterns: tuple[str, ...]

    @property
    def river(self) -> bool:
        return "river" in self.requires


# Most demanding first: the first member whose requirements a request meets answers it.
MEMBERS = (
    Member("river", ("river",), 0, (0, 3, 7, 30, HISTORY), (0.3, 0.3, 0.05, 0.1, 0.25), 0.08,
           ("river", "river_history_3", "river_history_3_temperature_means", "river_history_90", "river_no_site")),
    Member("history", ("history",), 3, (3, 7, 14, 30, 60, HISTORY), (0.5, 0.05, 0.05, 0.1, 0.05, 0.25), 0.08,
           ("history_3", "history_3_temperature_means", "history_90", "history_3_no_site")),
    Member("service", (), 0, (0, 1, 2), (0.9, 0.05, 0.05), 0.15,
           ("service", "service_temperature_means", "service_no_site", "rain_today_only")),
)


def show_only(rows: Rows, pattern: Pattern) -> Rows:
    """The rows as a client of this pattern would post them; humidity is never among them."""
    hidden = {
        "rain_7d_mean": not pattern.means,
        "rain_30d_mean": not pattern.means,
        "temperature": not pattern.temperature,
        "temperature_7d_mean": not pattern.temperature_means,
        "temperature_30d_mean": not pattern.temperature_means,
        "river": not pattern.river,
        "site": not pattern.site,
        "humidity": True,
    }
    blank = {field: np.full_like(getattr(rows, field), np.nan) for field, hide in hidden.items() if hide}
    return dataclasses.replace(rows, history=rows.history[:, :pattern.history], **blank)


def hide_at_random(rows: Rows, member: Member, rng: np.random.Generator) -> Rows:
    """The rows with inputs hidden at random, so that the member learns to do without any of them."""
    shown, n = rows.copy(), len(rows)

    def hide(share, *fields):
        chosen = rng.random(n) < share
        for field in fields:
            getattr(shown, field)[chosen] = np.nan

    days = rng.choice(member.history_days, n, p=member.history_share)
    shown.history[np.arange(HISTORY) >= days[:, None]] = np.nan
    hide(0.05, "rain_7d_mean")
    hide(0.05, "rain_30d_mean")
    hide(member.bare, "rain_7d_mean", "rain_30d_mean")
    hide(0.05, "temperature")
    hide(0.5, "temperature_7d_mean", "temperature_30d_mean")
    hide(0.3, "humidity")
    some = rng.random(n) < 0.1
    shown.site[some[:, None] & (rng.random(shown.site.shape) < 0.4)] = np.nan
    hide(member.bare, "site")
    if not member.river:
        shown.river[:] = np.nan
    return shown
