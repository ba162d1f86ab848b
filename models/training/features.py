"""The feature schema "risk-2": raw request inputs -> the model's features.

The service mirrors this file in domain/vector, operation for operation, so every formula is plain float64 arithmetic in
a stated order, cast to float32 at the end. Rules that both sides rely on:

* inputs are rounded first (half away from zero), so that two requests that mean the same score the same;
* a feature that holds rain of today or of tomorrow never falls when that rain rises, and is marked monotone; features of
  past weather alone are free;
* a feature whose inputs are missing is NaN;
* a row is seen in a `View`: how many days of rain before today count as known, and whether the year is read. Inside a view
  unknown days enter as zero, and `unknown_days` says how many they are. The service asks for the worst of the views that an
  incomplete history allows (domain/risk), so that an unknown day never counts as a dry one.
"""

from __future__ import annotations

import dataclasses

import numpy as np

import flood_rain
from data import HISTORY, RIVER_DAYS, SITE, Rows
from flood_rain import FloodRain

SCHEMA = "risk-2"
SITE_NAMES = list(SITE)
INDEX_DAYS = 30  # an antecedent index forgets rain older than this
YEAR = 365.25
DRIEST = 0.1  # mm/day, least climate rain that rain is divided by
LEVELS = (0, 3, 7, 14, 30, 60, 90)  # lengths of a rain history that are told apart
YEAR_KNOWN = 292  # days of the year, of rain and of temperature, without which the year is not read
GAPS = (0, 7)  # unknown days of rain in the year: none, at most a week, more
MELT = 3.0  # mm of melt a day and K above freezing
SOILS = (80.0, 300.0)  # mm, capacities of the two soil stores
ROUTES = (0.5, 0.8, 0.95)  # share kept from day to day: two of the shallow store's runoff, one of the deep one's
RA_DAYS = 8  # extraterrestrial radiation is computed anew every so many days
LOG_RAIN = 10.0  # mm, below which the logarithm of rain is nearly rain itself
BEYOND = 300.0  # mm a day, beyond which no training basin speaks


@dataclasses.dataclass(frozen=True)
class Feature:
    name: str
    unit: str
    monotone: int
    description: str


@dataclasses.dataclass
class View:
    """How much of the weather before today counts as known, one value a row."""

    level: np.ndarray  # one of LEVELS
    year: np.ndarray  # whether the year is read
    gaps: np.ndarray  # class of GAPS of the year's unknown days

    def take(self, index) -> "View":
        return View(self.level[index], self.year[index], self.gaps[index])


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
        temperature_history=round_to(rows.temperature_history, 10),
        humidity=round_to(rows.humidity, 1),
        latitude=round_to(rows.latitude, 100),
        river=round_to(rows.river, 10000),
        forecast=round_to(rows.forecast, 10),
        site=rows.site.astype(np.float32).astype(np.float64),
    )


def natural_view(r: Rows) -> View:
    """The view of what is known: the longest level whose days are all known, the year when enough of it is."""
    known = ~np.isnan(r.history[:, :HISTORY])
    prefix = np.cumprod(known[:, :LEVELS[-1]], axis=1).sum(axis=1)
    level = np.array(LEVELS)[np.searchsorted(LEVELS, prefix, side="right") - 1]
    days, warm = known.sum(axis=1), (~np.isnan(r.temperature_history)).sum(axis=1)
    year = (level >= 3) & (days >= YEAR_KNOWN) & (warm >= YEAR_KNOWN)
    level = np.where(year, LEVELS[-1], level)  # inside the year all days enter, unknown ones as zero
    return View(level, year, np.searchsorted(GAPS, HISTORY - days, side="left"))


def antecedent_index(decay, daily, n, mean7, mean30, climate):
    """Sum of decay^age * rain over 30 days, today having age 0.

    The `n` newest days of `daily` enter as they are. The rest of the week and of the month enter with the mean weight of
    their days times what the 7- and 30-day means leave over; without a 30-day mean the site's mean rain stands in for the
    rest. Newer rain weighs more than older rain, hence raising today, the week or the month never lowers it.
    """
    rows, head = np.arange(len(n)), np.zeros(len(n))
    for age in range(INDEX_DAYS - 1, -1, -1):
        head = np.where(age < n, head * decay + daily[:, age], head)
    sums = np.cumsum(daily[:, :INDEX_DAYS], axis=1)
    weights = np.cumprod(np.append(1.0, np.full(INDEX_DAYS - 1, decay)))
    tail = np.append(np.cumsum(weights[::-1])[::-1], 0.0)  # tail[n] = sum of weights from age n on
    known = sums[rows, n - 1]
    week = (n < 7) & ~np.isnan(mean7)
    start = np.where(week, 7, n)  # age at which "the rest of the month" begins
    week_weight = np.where(week, (tail[n] - tail[7]) / np.maximum(7 - n, 1), 0.0)
    before_month = np.where(week, np.fmax(7 * mean7, known), known)
    week_rest = np.where(week, np.maximum(7 * mean7 - known, 0.0), 0.0)
    left = (INDEX_DAYS - start) * climate
    month_rest = np.where(np.isnan(mean30), left, np.maximum(30 * mean30 - before_month, 0.0))
    month_weight = tail[start] / np.maximum(INDEX_DAYS - start, 1)
    index = head + week_weight * week_rest + month_weight * month_rest
    return np.where(n >= INDEX_DAYS, head, index)


def season_day(latitude, day_of_year):
    """Day of year as the northern hemisphere would call it: half a year later south of the equator."""
    return np.where(latitude < 0, (day_of_year + YEAR / 2) % YEAR, day_of_year)


def radiation(latitude, day):
    """Extraterrestrial radiation in MJ/m2/day (Allen et al. 1998, FAO paper 56, eq. 21 to 25)."""
    phi = latitude * (np.pi / 180)
    angle = day * (2 * np.pi / YEAR)
    tilt = 0.409 * np.sin(angle - 1.39)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(tilt), -1.0, 1.0))
    light = sunset * np.sin(phi) * np.sin(tilt) + np.cos(phi) * np.cos(tilt) * np.sin(sunset)
    return 37.586 * (1 + 0.033 * np.cos(angle)) * light


def liquid_share(t):
    """Share of precipitation that falls as rain: none at 0 degC and below, all from 2 degC on."""
    return np.clip(t / 2, 0.0, 1.0)


class Year:
    """A walk through the 365 days before today, oldest first, and what today adds to it."""

    def __init__(self, r: Rows):
        n = len(r)
        t = np.full(n, np.nan)
        for age in range(HISTORY - 1, -1, -1):  # the oldest known temperature stands for the days before it
            t = np.where(np.isnan(t), r.temperature_history[:, age], t)
        zero = lambda: np.zeros(n)
        self.snow, self.most_water, self.most_three = zero(), zero(), zero()
        self.soil = [np.full(n, s / 2) for s in SOILS]
        self.route, self.most_route = [zero() for _ in ROUTES], [zero() for _ in ROUTES]
        self.water_60, self.water_85, self.water_95 = zero(), zero(), zero()
        self.total, self.pet, self.snowfall, self.warmth, self.largest = zero(), zero(), zero(), zero(), zero()
        self.half, self.month_water, self.week_water, self.month_snow = zero(), zero(), zero(), zero()
        self.w1, self.w2 = zero(), zero()
        rain = np.where(np.isnan(r.history), 0.0, r.history)
        for age in range(HISTORY, 0, -1):
            given = r.temperature_history[:, age - 1]
            t = np.where(np.isnan(given), t, given)
            if age % RA_DAYS == 0 or age == HISTORY:
                ra = radiation(r.latitude, r.day_of_year - age)
            self.day(age, rain[:, age - 1], t, ra)
        self.last = t
        mean = self.total / HISTORY
        self.high_days = (rain >= (5 * np.maximum(mean, DRIEST))[:, None]).sum(axis=1).astype(np.float64)
        self.today(r.rain, np.where(np.isnan(r.temperature), t, r.temperature))

    def day(self, age, p, t, ra):
        rain = p * liquid_share(t)
        fallen = p - rain
        self.snow = self.snow + fallen
        melt = np.minimum(self.snow, MELT * np.maximum(t, 0.0))
        self.snow = self.snow - melt
        w = rain + melt
        pet = np.maximum(ra * (t + 5) / 245, 0.0)  # Oudin et al. 2005: Ra / 2.45 MJ/kg * (T + 5) / 100
        runoff = []
        for i, capacity in enumerate(SOILS):
            f = self.soil[i] / capacity
            q = w * f * f
            s = self.soil[i] + w - q
            s = s - np.minimum(pet * f, s)
            over = np.maximum(s - capacity, 0.0)
            self.soil[i] = s - over
            runoff.append(q + over)
        for i, keep in enumerate(ROUTES):
            self.route[i] = self.route[i] * keep + runoff[0 if i < 2 else 1]
            self.most_route[i] = np.maximum(self.most_route[i], self.route[i])
        self.most_water = np.maximum(self.most_water, w)
        self.most_three = np.maximum(self.most_three, w + self.w1 + self.w2)
        self.water_60 = self.water_60 * 0.6 + w
        self.water_85 = self.water_85 * 0.85 + w
        self.water_95 = self.water_95 * 0.95 + w
        self.w2, self.w1 = self.w1, w
        self.total = self.total + p
        self.pet = self.pet + pet
        self.snowfall = self.snowfall + fallen
        self.warmth = self.warmth + t
        self.largest = np.maximum(self.largest, p)
        if age <= 180:
            self.half = self.half + p
        if age <= 30:
            self.month_water = self.month_water + w
            self.month_snow = self.month_snow + fallen
        if age <= 6:
            self.week_water = self.week_water + w

    def today(self, p, t):
        """Water of today; its rain falls on what the year left behind, so nothing here falls when it rises."""
        self.melt = np.minimum(self.snow, MELT * np.maximum(t, 0.0))
        rain = p * liquid_share(t)
        self.w0 = rain + np.minimum(self.snow + (p - rain), MELT * np.maximum(t, 0.0))
        f = [s / capacity for s, capacity in zip(self.soil, SOILS)]
        runoff = [self.w0 * f[i] * f[i] + np.maximum(self.soil[i] + self.w0 - self.w0 * f[i] * f[i] - SOILS[i], 0.0)
                  for i in range(2)]
        self.route_today = [self.route[i] * keep + runoff[0 if i < 2 else 1] for i, keep in enumerate(ROUTES)]

    def features(self, r: Rows) -> dict:
        mean = self.total / HISTORY
        pet = self.pet / HISTORY
        largest = np.maximum(self.largest, 1.0)
        three = self.w0 + self.w1 + self.w2
        return {
            "water_today": self.w0,
            "water_3d": three,
            "water_7d": self.w0 + self.week_water,
            "water_60": self.water_60 * 0.6 + self.w0,
            "water_85": self.water_85 * 0.85 + self.w0,
            "water_95": self.water_95 * 0.95 + self.w0,
            "water_today_of_year": self.w0 / np.maximum(self.most_water, 1.0),
            "water_3d_of_year": three / np.maximum(self.most_three, 1.0),
            "runoff_fast": self.route_today[0],
            "runoff_fast_of_year": self.route_today[0] / np.maximum(self.most_route[0], 0.5),
            "runoff_of_year": self.route_today[1] / np.maximum(self.most_route[1], 0.5),
            "runoff_slow_of_year": self.route_today[2] / np.maximum(self.most_route[2], 0.5),
            "rain_today_of_year": r.rain / largest,
            "month_water": self.month_water,
            "month_snow": self.month_snow,
            "half_year_mean": self.half / 180,
            "year_mean": mean,
            "snow_store": self.snow,
            "melt_today": self.melt,
            "soil_shallow": self.soil[0] / SOILS[0],
            "soil_deep": self.soil[1] / SOILS[1],
            "runoff_yesterday_of_year": self.route[1] / np.maximum(self.most_route[1], 0.5),
            "year_pet": pet,
            "year_aridity": pet / np.maximum(mean, DRIEST),
            "year_snow_fraction": self.snowfall / np.maximum(self.total, 1.0),
            "year_largest_day": self.largest,
            "year_high_days": self.high_days,
            "year_temperature": self.warmth / HISTORY,
        }


def assemble(rows: Rows, view: View | None = None, usual=None) -> np.ndarray:
    """Features of all rows in the order of FEATURES, float32 [row, feature]."""
    r = canonical(rows)
    v = view or natural_view(r)
    x = np.full((len(rows), len(FEATURES)), np.nan)

    def put(name, values, where=slice(None)):
        x[where, NAMES.index(name)] = values

    year = np.flatnonzero(v.year)
    climate = dict(zip(SITE_NAMES, r.site.T))["precipitation_mean_mm_day"].copy()
    if len(year):
        part = r.take(year)
        walked = Year(part).features(part)
        for name, values in walked.items():
            put(name, values, year)
        put("unknown_days", v.gaps[year], year)
        climate[year] = np.where(np.isnan(climate[year]), np.float32(walked["year_mean"]), climate[year])

    # Rain of up to 90 days before today.
    known = np.where(np.isnan(r.history[:, :90]), 0.0, r.history[:, :90])
    daily = np.column_stack([r.rain, np.where(np.arange(90) < v.level[:, None], known, 0.0)])
    past = np.cumsum(daily[:, 1:], axis=1)
    with_past = lambda days, values: np.where(v.level >= days, values, np.nan)
    total = lambda days: with_past(days, past[:, days - 1])
    week = np.where(v.level >= 7, round_to(past[:, 6] / 7, 100), r.rain_7d_mean)
    month = np.where(v.level >= 30, round_to(past[:, 29] / 30, 100), r.rain_30d_mean)
    n = np.minimum(1 + v.level, INDEX_DAYS)
    mean7 = np.where(v.level >= 7, np.nan, r.rain_7d_mean)
    mean30 = np.where(v.level >= 30, np.nan, r.rain_30d_mean)
    climate = np.maximum(climate, DRIEST)
    put("rain_today", r.rain)
    put("rain_2d", with_past(3, r.rain + past[:, 0]))
    put("rain_4d", with_past(3, r.rain + past[:, 2]))
    for name, keep in INDICES.items():
        put(name, antecedent_index(keep, daily, n, mean7, mean30, climate))
    put("rain_yesterday", with_past(3, daily[:, 1]))
    put("past_3d", total(3))
    put("week_mean", week)
    put("past_14d", total(14))
    put("month_mean", month)
    put("past_60d", total(60))
    put("past_90d", total(90))
    put("rain_tomorrow", r.forecast)
    put("rain_two_days", r.rain + r.forecast)
    for name, base in RELATIVE.items():
        put(name, column(x, base) / climate)
    put("log_rain_today", np.log1p(r.rain / LOG_RAIN))
    put("log_rain_tomorrow", np.log1p(r.forecast / LOG_RAIN))
    put("extreme_today", np.log1p((r.rain / BEYOND) * (r.rain / BEYOND)))
    put("extreme_tomorrow", np.log1p((r.forecast / BEYOND) * (r.forecast / BEYOND)))
    largest = np.maximum(column(x, "year_largest_day"), 1.0)
    put("log_rain_today_of_year", np.log1p(r.rain / largest))
    put("log_rain_tomorrow_of_year", np.log1p(r.forecast / largest))
    put("rain_tomorrow_of_year", r.forecast / largest)
    put("log_runoff_of_year", np.log1p(10 * column(x, "runoff_fast_of_year")))

    warm7, warm30 = warm_means(r)
    put("temperature", r.temperature)
    put("temperature_7d_mean", warm7)
    put("temperature_30d_mean", warm30)
    put("warming_7d", r.temperature - warm7)
    put("warming_30d", r.temperature - warm30)
    put("humidity", r.humidity)
    season = season_day(r.latitude, r.day_of_year) * (2 * np.pi / YEAR)
    put("season_sin", np.sin(season))
    put("season_cos", np.cos(season))
    put_river(put, r)
    for name, values in zip(SITE_NAMES, r.site.T):
        if name in NAMES:
            put(name, values)
    return relate_to_floods(x, *(usual or (FITTED_SHORT, FITTED_LONG))).astype(np.float32)


def warm_means(r: Rows):
    """The posted means of temperature, or those of the known days when most of them are known."""
    out = []
    for days, least, given in ((7, 5, r.temperature_7d_mean), (30, 22, r.temperature_30d_mean)):
        total, count = np.zeros(len(r)), np.zeros(len(r))
        for age in range(days):
            t = r.temperature if age == 0 else r.temperature_history[:, age - 1]
            total = total + np.where(np.isnan(t), 0.0, t)
            count = count + ~np.isnan(t)
        mean = round_to(total / np.maximum(count, 1), 10)
        out.append(np.where(np.isnan(given), np.where(count >= least, mean, np.nan), given))
    return out


def put_river(put, r: Rows) -> None:
    """The river of yesterday and of the days before; the month is told from half of its days on."""
    put("river_ratio", r.river[:, 0])
    put("river_2", r.river[:, 1])
    put("river_3", r.river[:, 2])
    put("river_7", r.river[:, 6])
    put("river_rise", r.river[:, 0] - r.river[:, 1])
    total, count, most = np.zeros(len(r)), np.zeros(len(r)), np.full(len(r), -np.inf)
    for age in range(RIVER_DAYS):
        v = r.river[:, age]
        total = total + np.where(np.isnan(v), 0.0, v)
        count = count + ~np.isnan(v)
        most = np.where(np.isnan(v), most, np.maximum(most, v))
    enough = count >= RIVER_DAYS // 2
    put("river_month_mean", np.where(enough, total / np.maximum(count, 1), np.nan))
    put("river_month_most", np.where(enough, most, np.nan))


def column(x: np.ndarray, name: str) -> np.ndarray:
    return x[:, NAMES.index(name)]


def relate_to_floods(x: np.ndarray, short: FloodRain, long: FloodRain) -> np.ndarray:
    """Fill the features that compare rain with the rain that usually brings a flood to such a site."""
    site = {name: column(x, name).astype(np.float32).astype(np.float64) for name in flood_rain.ATTRIBUTES}
    storm, month = short(site), long(site)
    for name, base in USUAL.items():
        column(x, name)[:] = column(x, base) / storm
    column(x, "index_90_usual")[:] = column(x, "index_90") / month
    column(x, "wet_storm_usual")[:] = column(x, "index_60") / storm * (column(x, "index_90") / month)
    column(x, "log_rain_today_usual")[:] = np.log1p(2 * column(x, "rain_today") / storm)
    column(x, "log_rain_tomorrow_usual")[:] = np.log1p(2 * column(x, "rain_tomorrow") / storm)
    return x


INDICES = {"index_60": 0.6, "index_80": 0.8, "index_90": 0.9}  # name -> share of the rain kept from day to day
RELATIVE = {  # name -> rain that is divided by the site's long-term mean daily rain, or by that of the year
    "rain_today_climate": "rain_today",
    "rain_4d_climate": "rain_4d",
    "index_80_climate": "index_80",
    "week_climate": "week_mean",
    "month_climate": "month_mean",
    "past_90d_climate": "past_90d",
    "rain_tomorrow_climate": "rain_tomorrow",
}
USUAL = {  # name -> rain that is divided by the index_60 that usually comes with a flood at such a site
    "rain_today_usual": "rain_today",
    "rain_2d_usual": "rain_2d",
    "index_60_usual": "index_60",
    "rain_tomorrow_usual": "rain_tomorrow",
}

FEATURES = (
    Feature("rain_today", "mm", 1, "rain of the last 24 h"),
    Feature("rain_2d", "mm", 1, "rain of today and yesterday"),
    Feature("rain_4d", "mm", 1, "rain of today and the three days before"),
    Feature("index_60", "mm", 1, "antecedent precipitation index of 30 days, today included, 60 % kept from day to day"),
    Feature("index_80", "mm", 1, "antecedent precipitation index of 30 days, today included, 80 % kept from day to day"),
    Feature("index_90", "mm", 1, "antecedent precipitation index of 30 days, today included, 90 % kept from day to day"),
    Feature("rain_today_climate", "days", 1, "rain_today over the long-term mean daily rain"),
    Feature("rain_4d_climate", "days", 1, "rain_4d over the long-term mean daily rain"),
    Feature("index_80_climate", "days", 1, "index_80 over the long-term mean daily rain"),
    Feature("rain_today_usual", "1", 1, "rain_today over the index_60 that usually comes with a flood at such a site"),
    Feature("rain_2d_usual", "1", 1, "rain_2d over the index_60 that usually comes with a flood at such a site"),
    Feature("index_60_usual", "1", 1, "index_60 over what usually comes with a flood at such a site"),
    Feature("index_90_usual", "1", 1, "index_90 over what usually comes with a flood at such a site"),
    Feature("wet_storm_usual", "1", 1, "index_60_usual times index_90_usual: a storm on wet ground"),
    Feature("log_rain_today", "1", 1, "log(1 + rain_today / 10 mm)"),
    Feature("log_rain_today_usual", "1", 1, "log(1 + 2 rain_today_usual)"),
    Feature("log_rain_today_of_year", "1", 1, "log(1 + rain_today / the year's largest day)"),
    Feature("extreme_today", "1", 1, "log(1 + (rain_today / 300 mm)^2)"),
    Feature("rain_tomorrow", "mm", 1, "rain of tomorrow, as forecast"),
    Feature("rain_two_days", "mm", 1, "rain of today and of tomorrow"),
    Feature("rain_tomorrow_climate", "days", 1, "rain_tomorrow over the long-term mean daily rain"),
    Feature("rain_tomorrow_usual", "1", 1, "rain_tomorrow over the index_60 that usually comes with a flood at such a site"),
    Feature("rain_tomorrow_of_year", "1", 1, "rain_tomorrow over the year's largest day"),
    Feature("log_rain_tomorrow", "1", 1, "log(1 + rain_tomorrow / 10 mm)"),
    Feature("log_rain_tomorrow_usual", "1", 1, "log(1 + 2 rain_tomorrow_usual)"),
    Feature("log_rain_tomorrow_of_year", "1", 1, "log(1 + rain_tomorrow_of_year)"),
    Feature("extreme_tomorrow", "1", 1, "log(1 + (rain_tomorrow / 300 mm)^2)"),
    Feature("rain_yesterday", "mm", 0, "rain of yesterday"),
    Feature("past_3d", "mm", 0, "rain of the 3 days before today"),
    Feature("week_mean", "mm/day", 0, "mean rain of the 7 days before today, or the 7-day mean as posted"),
    Feature("past_14d", "mm", 0, "rain of the 14 days before today"),
    Feature("month_mean", "mm/day", 0, "mean rain of the 30 days before today, or the 30-day mean as posted"),
    Feature("past_60d", "mm", 0, "rain of the 60 days before today"),
    Feature("past_90d", "mm", 0, "rain of the 90 days before today"),
    Feature("week_climate", "1", 0, "week_mean over the long-term mean daily rain"),
    Feature("month_climate", "1", 0, "month_mean over the long-term mean daily rain"),
    Feature("past_90d_climate", "days", 0, "past_90d over the long-term mean daily rain"),
    Feature("unknown_days", "class", 0, "days of the year without rain: 0 none, 1 up to a week, 2 more"),
    Feature("water_today", "mm", 1, "rain and snow melt of today"),
    Feature("water_3d", "mm", 1, "rain and snow melt of today and the two days before"),
    Feature("water_7d", "mm", 1, "rain and snow melt of 7 days, today included"),
    Feature("water_60", "mm", 1, "decaying sum of rain and snow melt, 60 % kept from day to day"),
    Feature("water_85", "mm", 1, "decaying sum of rain and snow melt, 85 % kept from day to day"),
    Feature("water_95", "mm", 1, "decaying sum of rain and snow melt, 95 % kept from day to day"),
    Feature("water_today_of_year", "1", 1, "water_today over its greatest value in the year before"),
    Feature("water_3d_of_year", "1", 1, "water_3d over its greatest value in the year before"),
    Feature("runoff_fast", "mm", 1, "runoff from a soil of 80 mm, 50 % kept from day to day"),
    Feature("runoff_fast_of_year", "1", 1, "runoff_fast over its greatest value in the year before"),
    Feature("runoff_of_year", "1", 1, "the same with 80 % kept from day to day"),
    Feature("runoff_slow_of_year", "1", 1, "the same from a soil of 300 mm with 95 % kept from day to day"),
    Feature("log_runoff_of_year", "1", 1, "log(1 + 10 runoff_fast_of_year)"),
    Feature("rain_today_of_year", "1", 1, "rain_today over the year's largest day"),
    Feature("month_water", "mm", 0, "rain and snow melt of the 30 days before today"),
    Feature("month_snow", "mm", 0, "snowfall of the 30 days before today"),
    Feature("half_year_mean", "mm/day", 0, "mean rain of the 180 days before today"),
    Feature("year_mean", "mm/day", 0, "mean rain of the 365 days before today"),
    Feature("snow_store", "mm", 0, "snow on the ground yesterday, from a degree-day model"),
    Feature("melt_today", "mm", 0, "melt of that snow at today's temperature"),
    Feature("soil_shallow", "1", 0, "filling of a soil store of 80 mm yesterday"),
    Feature("soil_deep", "1", 0, "filling of a soil store of 300 mm yesterday"),
    Feature("runoff_yesterday_of_year", "1", 0, "runoff_of_year of yesterday"),
    Feature("year_pet", "mm/day", 0, "mean potential evapotranspiration of the year (Oudin et al. 2005)"),
    Feature("year_aridity", "1", 0, "year_pet over year_mean"),
    Feature("year_snow_fraction", "1", 0, "share of the year's precipitation that fell as snow"),
    Feature("year_largest_day", "mm", 0, "greatest daily rain of the year before"),
    Feature("year_high_days", "days", 0, "days of the year with five times its mean rain"),
    Feature("year_temperature", "degC", 0, "mean temperature of the year"),
    Feature("river_ratio", "1", 1, "(river value - normal) / (flood threshold - normal) of yesterday"),
    Feature("river_2", "1", 0, "the same two days ago"),
    Feature("river_3", "1", 0, "the same three days ago"),
    Feature("river_7", "1", 0, "the same seven days ago"),
    Feature("river_rise", "1", 1, "river_ratio minus river_2"),
    Feature("river_month_mean", "1", 0, "mean of the same over 30 days"),
    Feature("river_month_most", "1", 0, "greatest of the same in 30 days"),
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
TOMORROW = [n for n in NAMES if "tomorrow" in n or n == "rain_two_days"]
# Coefficients of schema risk-2, in the order of flood_rain.ATTRIBUTES; train_risk.py checks that the data still say so.
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
