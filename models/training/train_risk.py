"""Train, calibrate, verify and write the flood-risk model. See README.md.

    /usr/bin/python3 models/training/train_risk.py --data ../shared/data/hydro --out models/risk_scorer/v3
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import pickle
import time
from pathlib import Path

import numpy as np

import artifact
import boost
import calibrate
import data
import evaluate
import flood_rain
import linear
from boost import Part
from features import FITTED_LONG, FITTED_SHORT, NAMES, TOMORROW, View, column, relate_to_floods
from flood_rain import FloodRain
from masking import MEMBERS, Member, Pattern, hide_at_random, show_only

SEED = 20261128
REPORT_FROM = "2001-07-01"  # skill is quoted on days from here on; no choice was made on them
EARLY_TO = "1996-10-01"  # a booster blind to the days from here on says what new years at known basins bring
QUIET = 0.015  # share of uneventful days kept for training
HOLES = 0.4  # share of the kept days that are shown with holes instead of complete
BASINS = 3  # skill is quoted on every so many-th Caravan basin

# Chosen on 1996-10 to 2001-06 with training before it (compare.py). "soft" is the width of boost.soft_label, "gauged" the
# weight of MOPEX days: their rain comes from gauges, but the basins are larger and lack most site attributes.
YEAR = {"rounds": 400, "max_depth": 6, "eta": 0.06, "subsample": 0.6, "colsample_bytree": 0.3, "colsample_bynode": 0.8,
        "min_child_weight": 50, "reg_lambda": 10}
SHORT = {"rounds": 250, "max_depth": 5, "eta": 0.09, "subsample": 0.6, "colsample_bytree": 0.4, "colsample_bynode": 0.7,
         "min_child_weight": 80, "reg_lambda": 20}
HISTORY = SHORT | {"rounds": 300, "max_depth": 6, "eta": 0.07}
SERVICE = SHORT | {"rounds": 190, "eta": 0.11}
SETTINGS = {
    "year_river_site": YEAR | {"soft": 0.05, "gauged": 0.5},
    "year_river": YEAR | {"soft": 0.05, "gauged": 0.5},
    "year_site": YEAR | {"soft": 0.15, "gauged": 1.0},
    "year": YEAR | {"rounds": 250} | {"soft": 0.15, "gauged": 1.0},
    "river_site": SHORT | {"rounds": 300} | {"soft": 0.05, "gauged": 0.3},
    "river": SHORT | {"soft": 0.05, "gauged": 0.3},
    "history_site": HISTORY | {"soft": 0.15, "gauged": 1.0},
    "history": SHORT | {"soft": 0.15, "gauged": 1.0},
    "service_site": SERVICE | {"soft": 0.15, "gauged": 1.0},
    "service": SERVICE | {"rounds": 150} | {"soft": 0.15, "gauged": 1.0},
}

# Decision thresholds on the calibrated probability; card.md lists what each of them detects and how often in vain.
LEVEL_CUTS = {"low": 0.01, "moderate": 0.05, "high": 0.2, "extreme": 0.4}


def member_named(name: str) -> Member:
    return next(m for m in MEMBERS if m.name == name)


def terms(member: Member, day: str) -> dict[str, float]:
    """Features of the linear part of today, or of tomorrow, with their slopes."""
    out = {f"log_rain_{day}": linear.LEAST, f"extreme_{day}": linear.EXTREME}
    if member.site:
        out[f"log_rain_{day}_usual"] = linear.RELATIVE
    if member.year:
        out[f"log_rain_{day}_of_year"] = linear.RELATIVE
    return out


@dataclasses.dataclass
class Pair:
    """What serves a member: its part, and the part that is added when tomorrow's rain is known."""

    usual: tuple[FloodRain, FloodRain]  # of the data that this pair has seen
    now: Part
    then: Part

    def margins(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Margins without and with the forecast of rows that hold one."""
        x = relate_to_floods(x.copy(), *self.usual)
        first = self.now.margin(boost.without_tomorrow(x))
        return first, self.then.margin(x, first)


class Trainer:
    """The development data, with one way to sample and train for every split."""

    def __init__(self, basins: data.Basins, threads: int):
        self.basins, self.threads = basins, threads
        self.early, self.report = basins.day_index(EARLY_TO), basins.day_index(REPORT_FROM)
        self.end = basins.rain.shape[1]
        self.sample = boost.draw(basins, 0, self.end, QUIET, np.random.default_rng(SEED))

    @functools.lru_cache(maxsize=None)
    def flood_rain(self, last: int, without_fold: int | None = None) -> tuple[FloodRain, FloodRain]:
        """What usually brings a flood: the short and the long index at the onsets of the Caravan basins' floods."""
        flood = self.basins.flood_ratio()[:, :last] >= 1
        onset = flood.copy()
        onset[:, 1:] &= ~flood[:, :-1]
        onset &= ((self.basins.source == 0) & (self.basins.fold != without_fold))[:, None]
        onset[:, :self.basins.day_index("1981-04-01")] = False  # a month of rain must precede
        basin, day = np.nonzero(onset)
        no_year = lambda rows: View(np.full(len(rows), 30), np.zeros(len(rows), bool), np.zeros(len(rows), int))
        x = boost.matrix(self.basins, basin, day, lambda r: r, no_year)
        site = {name: column(x, name) for name in flood_rain.ATTRIBUTES}
        return tuple(flood_rain.fit(column(x, index), basin, site) for index in ("index_60", "index_90"))

    def shown(self, member: Member) -> np.ndarray:
        """Features of the sample, some complete and some with holes, all with the forecast."""
        rng = np.random.default_rng([SEED, MEMBERS.index(member)])
        holes = np.random.default_rng(SEED).random(len(self.sample)) < HOLES
        x = None
        for copy in (0, 1):
            def hide(rows):
                shown = hide_at_random(rows, member, copy, rng)
                return dataclasses.replace(shown, forecast=rows.forecast)

            mine = np.flatnonzero(holes == copy)
            part = boost.matrix(self.basins, self.sample.basin[mine], self.sample.day[mine], hide)
            x = np.empty((len(self.sample), part.shape[1]), np.float32) if x is None else x
            x[mine] = part
        return x

    def train(self, member: Member, x: np.ndarray, last: int, fold: int | None = None) -> Pair:
        """A pair on days before `last`, optionally blind to the regions of a fold."""
        settings = dict(SETTINGS[member.name], seed=SEED)
        width, gauged = settings.pop("soft"), settings.pop("gauged")
        seen = (self.sample.day < last) & (self.basins.fold[self.sample.basin] != fold)
        usual = self.flood_rain(last, fold)
        x, s = relate_to_floods(x[seen], *usual), self.sample.take(seen)
        label = boost.soft_label(s.peak, width)
        weight = s.weight * np.where(self.basins.source[s.basin] == data.SETS.index("us_mopex"), gauged, 1.0)
        bare = boost.without_tomorrow(x)
        now = boost.fit(bare, label, weight, terms(member, "today"), settings, self.threads)
        then = boost.fit(x, label, weight, terms(member, "tomorrow"), boost.FORECAST_SETTINGS | {"seed": SEED},
                         self.threads, base=now.margin(bare))
        return Pair(usual, now, then)

    def days(self) -> boost.Sample:
        """All labelled days of the report in every BASINS-th Caravan basin."""
        basin, day, y, peak = data.labelled(self.basins, self.report, self.end)
        use = (self.basins.source[basin] == 0) & (basin % BASINS == 0)
        return boost.Sample(basin[use], day[use], y[use], peak[use], np.ones(use.sum()))


@dataclasses.dataclass
class Verified:
    """One member on splits that it was not tuned on, and what calibrates the member that ships."""

    pair: Pair
    calibration: dict  # "now" and "then" -> calibrate.Calibration
    interval: dict
    patterns: dict  # pattern -> split -> probability on the days of the report


def verify(t: Trainer, member: Member, test: boost.Sample) -> Verified:
    """Train without the later years, without them and one group of regions after the other, and for good."""
    basins, s = t.basins, t.sample
    x = t.shown(member)
    log(f"{member.name}: assembled")
    before = t.train(member, x, t.early)
    known = t.train(member, x, t.report)
    folds, fold_of = [], basins.fold[s.basin]
    blind = np.empty((2, len(s)))  # margins, without and with the forecast, of boosters blind to the region
    for fold in range(len(data.REGION_FOLDS)):
        folds.append(t.train(member, x, t.report, fold))
        inside = fold_of == fold
        blind[:, inside] = folds[-1].margins(x[inside])
    log(f"{member.name}: trained without the later years and without one group of regions after the other")
    pair = t.train(member, x, t.end)
    log(f"{member.name}: trained")

    caravan, late = basins.source[s.basin] == 0, s.day >= t.report
    eve = caravan & (s.day >= t.early) & ~late  # the years before those of the report
    blind_eve, blind_late = before.margins(x[eve]), known.margins(x[caravan & late])  # boosters blind to the years
    calibrations, interval, reported, elsewhere = {}, {}, {}, {}
    for i, kind in enumerate(("now", "then")):
        places = calibrate.Evidence(blind[i], s.y, s.weight, s.basin, fold_of)
        years = calibrate.join(years_of(s, eve, blind_eve[i]), years_of(s, caravan & late, blind_late[i]))
        past = np.arange(len(years.y)) < eve.sum()
        early = calibrate.join(places.where(caravan & ~late), years.where(past))
        reported[kind] = calibrate.fit(early)
        elsewhere[kind] = [calibrate.fit(early.where(basins.fold[early.basin] != f)) for f in range(len(folds))]
        checks = []  # each calibration on the earlier days of the regions that it has not seen
        for f, c in enumerate(elsewhere[kind]):
            e = early.where(early.fold == f)
            checks.append((c, (e.margin, e.y, e.basin, e.weight)))
        stretch = calibrate.stretch(checks)
        elsewhere[kind] = [c.stretched(stretch) for c in elsewhere[kind]]
        calibrations[kind] = calibrate.fit(calibrate.join(places.where(caravan), years)).stretched(stretch)
        parts = [places.where(caravan & late & (fold_of == f)) for f in range(len(folds))]
        interval[kind] = {"stretch": stretch, "unseen_regions": calibrate.pool([
            calibrate.coverage(c, e.margin, e.y, e.basin, e.weight) for c, e in zip(elsewhere[kind], parts)])}

    patterns = {}
    for name, pattern in member.patterns:
        x = pattern_matrix(t, test, pattern)
        kind = "then" if pattern.forecast else "now"
        i = int(pattern.forecast)
        p = {"later_years": reported[kind].probability(known.margins(x)[i]), "unseen_regions": np.empty(len(test))}
        for f, fold_pair in enumerate(folds):
            inside = basins.fold[test.basin] == f
            p["unseen_regions"][inside] = elsewhere[kind][f].probability(fold_pair.margins(x[inside])[i])
        patterns[name] = p
    return Verified(pair, calibrations, interval, patterns)


def years_of(s: boost.Sample, chosen: np.ndarray, margin: np.ndarray) -> calibrate.Evidence:
    """Days of known basins in years that the booster of these margins had not seen."""
    return calibrate.Evidence(margin, s.y[chosen], s.weight[chosen], s.basin[chosen], np.full(chosen.sum(), -1))


def pattern_matrix(t: Trainer, test: boost.Sample, pattern: Pattern) -> np.ndarray:
    """Features of the days of the report as requests of this pattern bring them.

    A year takes long to walk; it is walked once with and once without the site, and what else a pattern lacks is blanked.
    """
    if not pattern.year:
        return boost.matrix(t.basins, test.basin, test.day, lambda r: show_only(r, pattern))
    x = full_year(t, test.basin.tobytes(), test.day.tobytes(), pattern.site).copy()
    lacking = [] if pattern.forecast else list(TOMORROW)
    if pattern.river == 0:
        lacking.append("river_ratio")
    if pattern.river <= 1:
        lacking += ["river_2", "river_3", "river_7", "river_rise", "river_month_mean", "river_month_most"]
    x[:, [NAMES.index(n) for n in lacking]] = np.nan
    return x


@functools.lru_cache(maxsize=2)
def full_year(t: Trainer, basin: bytes, day: bytes, site: bool) -> np.ndarray:
    pattern = Pattern(history=data.HISTORY, year=True, means=False, river=data.RIVER_DAYS, site=site, forecast=True)
    ints = lambda b: np.frombuffer(b, np.int64)
    return boost.matrix(t.basins, ints(basin), ints(day), lambda r: show_only(r, pattern))


def skill(t: Trainer, member: Member, verified: Verified, test: boost.Sample) -> dict:
    """Skill tables of one member, what its decision levels detect, and how reliable it is where it matters."""
    out = {}
    for name, splits in verified.patterns.items():
        score = lambda p: evaluate.with_intervals(test.basin, test.day, test.y, p, LEVEL_CUTS["high"])
        out[name] = {split: score(p) for split, p in splits.items()}
        out[name]["levels"] = {
            split: {level: evaluate.event_scores(test.basin, test.day, test.y, p >= cut) for level, cut in LEVEL_CUTS.items()}
            for split, p in splits.items()
        }
        rain = t.basins.rain[test.basin, test.day]
        two_year = two_year_rain(t.basins)[test.basin]
        out[name]["reliability"] = {split: evaluate.reliability(test.y, p) for split, p in splits.items()}
        out[name]["tail"] = {split: evaluate.tail(test.y, p, rain, two_year) for split, p in splits.items()}
        log(f"{name}: " + "; ".join(
            f"{split} AP {out[name][split]['average_precision']['value']} BSS {out[name][split]['brier_skill']['value']} "
            f"ECE {out[name][split]['ece']['value']}" for split in splits))
    return out


def two_year_rain(basins: data.Basins) -> np.ndarray:
    """The median of each basin's greatest daily rain of a year, in mm."""
    years = basins.rain.shape[1] // 365
    most = np.nanmax(np.nan_to_num(basins.rain[:, :years * 365], nan=-1.0).reshape(len(basins.ids), years, 365), axis=2)
    return np.array([np.median(m[m >= 0]) for m in most])


def log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args.add_argument("--out", type=Path, default=Path("models/risk_scorer/v3"))
    args.add_argument("--threads", type=int, default=1)
    args.add_argument("--raw", type=Path, help="a folder that keeps what was trained, so that an interrupted run goes on")
    args.add_argument("--only", nargs="*", help="train these members into --raw and stop")
    args.add_argument("--evaluate", action="store_true", help="only print the skill tables that the last run wrote")
    args = args.parse_args()
    if args.evaluate:
        print(artifact.card.skill_tables(json.loads((args.out / "skill.json").read_text())))
        return

    basins = data.load(args.data)
    t = Trainer(basins, args.threads)
    fitted = t.flood_rain(t.end)
    if fitted != (FITTED_SHORT, FITTED_LONG):
        raise SystemExit(f"the data say other flood rain than features.py:\n{fitted}")
    test = t.days()
    log(f"{len(basins.ids)} basins, {len(t.sample)} days to train on, {len(test)} to report on, "
        f"{test.y.mean():.4f} of them with a flood")
    verified, tables = {}, {}
    for member in [member_named(n) for n in args.only] if args.only else MEMBERS:
        kept = args.raw and args.raw / f"{member.name}.pkl"
        if kept and kept.exists():
            verified[member.name], tables[member.name] = pickle.loads(kept.read_bytes())
            continue
        v = verify(t, member, test)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.with_suffix(".trained").write_bytes(pickle.dumps(v))
        verified[member.name], tables[member.name] = v, skill(t, member, v, test) | {"interval": v.interval}
        v.patterns = {}
        if kept:
            kept.write_bytes(pickle.dumps((v, tables[member.name])))
    if not args.only:
        artifact.write(args.out, t, test, verified, tables)
    log("done")


if __name__ == "__main__":
    main()
