"""What the rule on rain, hidden inputs and unknown daily temperatures cost in skill: an upper bound for the members.

    /usr/bin/python3 models/training/bounds.py --data ../shared/data/hydro

Each row of the table is a booster for one set of inputs alone, with the trees of a member, trained on Caravan days before
2001-07 that show all of these inputs, under the rule that more rain never lowers the probability and without it. Average
precision and event F1 (at the best of many cuts, so flattered) are of the later years, as in the card. Nothing of it is
shipped: a member must do with any input missing. Writes bounds.json beside this file.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import xgboost as xgb
from sklearn.metrics import average_precision_score

import boost
import data
import evaluate
from features import MONOTONE, NAMES, relate_to_floods
from masking import PATTERNS, show_only
from train_risk import COMMON, QUIET, SEED, SETTINGS, Trainer, log, write_json

warm = lambda name: replace(PATTERNS[name], temperature_means=True)
INPUTS = {
    "service": PATTERNS["service"],
    "service_temperature_means": warm("service"),
    "history_3": PATTERNS["history_3"],
    "history_3_temperature_means": warm("history_3"),
    "history_90": PATTERNS["history_90"],
    "river": PATTERNS["river"],
    "river_history_3_temperature_means": warm("river_history_3"),
    "river_history_90": PATTERNS["river_history_90"],
}
# What each set of inputs is scored with: under the rule, without it, or under it with melt water as further features.
BOTH = {"rule": None, "no_rule": None}
MELT_WATER = {"rule_melt_from_means": False, "rule_melt_from_daily_temperature": True}  # is daily temperature measured?
KNOWN = {name: BOTH for name in INPUTS} | {name: BOTH | MELT_WATER for name in ("history_90", "river_history_90")}
UNSEEN = {"history_90": BOTH | {"rule_melt_from_means": False}}
CUTS = 1 - np.geomspace(0.001, 0.03, 15)  # quantiles of the probability at which alarms begin
RAIN_ABOVE, SNOW_BELOW = 2.0, -1.0  # degC; in between precipitation is mixed
MELT = 3.0  # mm/day per degree above freezing


def daily_temperature(basins: data.Basins, basin, day, age: int, measured: bool) -> np.ndarray:
    """The temperature `age` days ago: as measured, or as far as today's and the means of the week and the month tell."""
    if measured:
        return basins.temp[basin, day - age].astype(np.float64)
    span = lambda days: sum(basins.temp[basin, day - i].astype(np.float64) for i in range(days))
    if age == 0:
        return span(1)
    return (span(7) - span(1)) / 6 if age < 7 else (span(30) - span(7)) / 23


def melt_water(basins: data.Basins, basin, day, measured: bool) -> np.ndarray:
    """Rain and melt of 2 and of 7 days, their antecedent indices and the snow left, by a degree-day store over 90 days.

    Every column is non-decreasing in every day's precipitation: more snow melts no less on any later day.
    """
    snow, index_80, index_90, days_2, days_7 = (np.zeros(len(day)) for _ in range(5))
    known = {}
    for age in range(data.HISTORY, -1, -1):
        stretch = age if measured or age == 0 else 1 if age < 7 else 7
        if stretch not in known:
            known = {stretch: daily_temperature(basins, basin, day, age, measured)}
        temperature, fallen = known[stretch], basins.rain[basin, day - age]
        liquid = fallen * np.clip((temperature - SNOW_BELOW) / (RAIN_ABOVE - SNOW_BELOW), 0, 1)
        melt = np.minimum(snow, MELT * np.maximum(temperature, 0))
        snow = snow - melt + fallen - liquid
        index_80, index_90 = 0.8 * index_80 + liquid + melt, 0.9 * index_90 + liquid + melt
        days_2 += (liquid + melt) * (age < 2)
        days_7 += (liquid + melt) * (age < 7)
    return np.column_stack([days_2, days_7, index_80, index_90, snow]).astype(np.float32)


class Bounds:
    def __init__(self, basins: data.Basins, threads: int):
        self.t = Trainer(basins, threads)
        sample = boost.draw(basins, 0, self.t.report, QUIET, np.random.default_rng(SEED))
        self.past = sample.take(basins.source[sample.basin] == data.SETS.index("us_caravan"))
        self.later = self.t.days(self.t.report, self.t.end)

    def features(self, sample: boost.Sample, pattern, measured: bool | None) -> np.ndarray:
        """The schema's features and, unless `measured` is None, melt water; not yet related to floods."""
        days = max(pattern.history, 29)
        x = boost.matrix(self.t.basins, sample.basin, sample.day, lambda r: show_only(r, pattern), days)
        return x if measured is None else np.column_stack([x, melt_water(self.t.basins, sample.basin, sample.day, measured)])

    def margin(self, member: str, past: np.ndarray, later: np.ndarray, rule: bool, fold: int | None) -> np.ndarray:
        """The later days' margins by a booster trained on the past ones; columns beyond the schema's rise under the rule."""
        settings = COMMON | SETTINGS[member]
        width, rounds = settings.pop("soft"), settings.pop("rounds")
        del settings["gauged"]
        use = self.t.basins.fold[self.past.basin] != fold
        label = boost.soft_label(self.past.peak, width) if width else self.past.y.astype(float)
        signs = MONOTONE + [1] * (past.shape[1] - len(NAMES))
        params = {"objective": "binary:logistic", "tree_method": "hist", "nthread": self.t.threads, **settings}
        if rule:
            params["monotone_constraints"] = tuple(signs)
        usual = self.t.flood_rain(self.t.report, fold)
        days = xgb.DMatrix(relate_to_floods(past[use], *usual), label[use], weight=self.past.weight[use])
        return xgb.train(params, days, rounds).predict(xgb.DMatrix(relate_to_floods(later, *usual)), output_margin=True)

    def score(self, member: str, past: np.ndarray, later: np.ndarray, rule: bool, unseen: bool) -> dict:
        s, fold = self.later, self.t.basins.fold[self.later.basin]
        margin = np.empty(len(s), np.float32)
        for k in range(len(data.REGION_FOLDS)) if unseen else (None,):
            inside = fold == k if unseen else np.ones(len(s), bool)
            margin[inside] = self.margin(member, past, later[inside], rule, k)
        f1 = [evaluate.event_scores(s.basin, s.day, s.y, margin >= c)["f1"] for c in np.quantile(margin, CUTS)]
        return {"average_precision": round(float(average_precision_score(s.y, margin)), 4), "event_f1": round(max(f1), 4)}

    def table(self, rows: dict, unseen: bool) -> dict:
        out = {}
        for name, trials in rows.items():
            pattern = INPUTS[name]
            member = "river" if pattern.river else "history" if pattern.history else "service"
            out[name] = {}
            for trial, measured in trials.items():
                past, later = (self.features(s, pattern, measured) for s in (self.past, self.later))
                out[name][trial] = self.score(member, past, later, trial != "no_rule", unseen)
                log(f"{name} {trial}{', unseen regions' * unseen}: {out[name][trial]}")
        return out


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args.add_argument("--threads", type=int, default=1)
    args = args.parse_args()
    bounds = Bounds(data.load(args.data), args.threads)
    tables = {"later_years": bounds.table(KNOWN, unseen=False), "unseen_regions": bounds.table(UNSEEN, unseen=True)}
    write_json(Path(__file__).with_name("bounds.json"), tables)


if __name__ == "__main__":
    main()
