"""Train, calibrate, verify and write the flood-risk model. See README.md.

    /usr/bin/python3 models/training/train_risk.py --data ../shared/data/hydro --out models/risk_scorer/v1
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import xgboost as xgb

import boost
import calibrate
import card
import catalogue
import data
import evaluate
import flood_rain
import golden
import monotone
from features import FEATURES, FITTED_LONG, FITTED_SHORT, SCHEMA, SITE_NAMES, canonical, column, relate_to_floods
from flood_rain import FloodRain
from masking import MEMBERS, PATTERNS, Member, hide_at_random, show_only

VERSION = "1.0.0"
CREATED_AT = "2026-11-23T09:00:00Z"  # fixed, so that a rerun writes the same bytes
FLOOD = "river flow at or above its 2-year level (the median of the annual maxima) today or tomorrow"
SEED = 20261123
REPORT_FROM = "2001-07-01"  # skill is quoted on days from here on; no choice was made on them
QUIET = 0.03  # share of uneventful days kept for training
COPIES = 2  # times each kept day is shown, with other inputs hidden
CALIBRATE_EVERY = 4  # days; thins the clumps of consecutive flood days
BLOCK = 3 * 365  # days; every other block is left out to calibrate for new years

# Chosen on 1996-10 to 2001-06, on known basins and on left-out regions. "soft" is the width of boost.soft_label, "gauged"
# the weight of MOPEX days: their rain comes from gauges, but the basins are larger and lack most site attributes.
SETTINGS = {
    "river": {"soft": 0.0, "gauged": 0.3, "min_child_weight": 50, "reg_lambda": 10, "colsample_bynode": 0.35},
    "history": {"soft": 0.15, "gauged": 1.0, "min_child_weight": 100, "reg_lambda": 20, "colsample_bynode": 0.25},
    "service": {"soft": 0.15, "gauged": 1.0, "min_child_weight": 100, "reg_lambda": 20, "colsample_bynode": 0.25},
}
COMMON = {"rounds": 300, "max_depth": 5, "eta": 0.08, "subsample": 0.6, "seed": SEED}

# Decision thresholds on the calibrated probability; card.md lists what each of them detects and how often in vain.
LEVELS = {"low": 0.01, "moderate": 0.05, "high": 0.2, "extreme": 0.4}
# How the interval grows with what was never seen in training; judgement, not measurement (see card.md).
WIDENING = {"place": 1.5, "per_out_of_domain": 1.25, "maximum": 3.0, "confidence_width": 5.0}
RADIUS_KM = 300


class Trainer:
    """The development data, with one way to sample and train for every split."""

    def __init__(self, basins: data.Basins, threads: int):
        self.basins, self.threads = basins, threads
        self.report = basins.day_index(REPORT_FROM)
        self.end = basins.rain.shape[1]

    def flood_rain(self, last: int, without_fold: int | None = None) -> tuple[FloodRain, FloodRain]:
        """What usually brings a flood: the short and the long index at the onsets of the Caravan basins' floods."""
        flood = self.basins.flood_ratio()[:, :last] >= 1
        onset = flood.copy()
        onset[:, 1:] &= ~flood[:, :-1]
        onset &= ((self.basins.source == 0) & (self.basins.fold != without_fold))[:, None]
        onset[:, :self.basins.day_index("1981-04-01")] = False  # 90 days of rain must precede
        basin, day = np.nonzero(onset)
        x = boost.matrix(self.basins, basin, day, lambda r: r, days=29)
        site = {name: column(x, name) for name in flood_rain.ATTRIBUTES}
        return tuple(flood_rain.fit(column(x, index), basin, site) for index in ("index_60", "index_90"))

    @functools.lru_cache(maxsize=1)
    def sampled(self, member: Member, last: int) -> tuple[boost.Sample, np.ndarray]:
        """Days before `last` and their features, COPIES times with other inputs hidden."""
        rng = np.random.default_rng([SEED, MEMBERS.index(member), last])
        sample = boost.draw(self.basins, 0, last, QUIET, rng)
        x = boost.training_matrix(self.basins, sample, member, COPIES, rng)
        return sample.take(np.tile(np.arange(len(sample)), COPIES)), x

    def block(self, day: np.ndarray) -> np.ndarray:
        """0 or 1, in turn every BLOCK days."""
        return day // BLOCK % 2

    def train(
        self, member: Member, last: int, without_fold: int | None = None, without_block: int | None = None
    ) -> xgb.Booster:
        """A booster of `member` on days before `last`, optionally blind to the regions of a fold or to blocks of years."""
        settings = COMMON | SETTINGS[member.name]
        width, gauged = settings.pop("soft"), settings.pop("gauged")
        sample, x = self.sampled(member, last)
        seen = (self.basins.fold[sample.basin] != without_fold) & (self.block(sample.day) != without_block)
        sample, x = sample.take(seen), relate_to_floods(x[seen], *self.flood_rain(last, without_fold))
        label = boost.soft_label(sample.peak, width) if width else sample.y.astype(float)
        source = np.where(self.basins.source[sample.basin] == data.SETS.index("us_mopex"), gauged, 1.0)
        return boost.fit(x, label, sample.weight * source / COPIES, settings, self.threads)

    def days(self, first: int, last: int, every: int = 1) -> boost.Sample:
        """All labelled Caravan days in [first, last), or every so many of them."""
        basin, day, y, peak = data.labelled(self.basins, first, last)
        use = (self.basins.source[basin] == 0) & (day % every == 0)
        return boost.Sample(basin[use], day[use], y[use], peak[use], np.ones(use.sum()))


@dataclasses.dataclass
class Verified:
    """One member on splits it was not tuned on, and what calibrates the member that ships."""

    patterns: dict  # pattern -> split -> (margin, calibrated probability)
    calibration: calibrate.Calibration
    interval: dict
    methods: dict


def verify(t: Trainer, member: Member, test: boost.Sample) -> Verified:
    """Train without the later years, and without them and one group of regions after the other; score what was left out."""
    basins, rng = t.basins, np.random.default_rng([SEED, 7, MEMBERS.index(member)])
    past = t.days(0, t.end, CALIBRATE_EVERY)
    x_past = boost.matrix(basins, past.basin, past.day, lambda r: hide_at_random(r, member, rng))
    x_test = {}
    for n in member.patterns:
        days = max(PATTERNS[n].history, 29)  # a month, for the means
        x_test[n] = boost.matrix(basins, test.basin, test.day, lambda r: show_only(r, PATTERNS[n]), days)
    log(f"{member.name}: assembled")

    known, usual = t.train(member, t.report), t.flood_rain(t.report)
    m_known = {n: boost.margin(known, relate_to_floods(x, *usual)) for n, x in x_test.items()}
    m_past = np.empty(len(past), np.float32)
    m_region = {n: np.empty(len(test), np.float32) for n in x_test}
    for fold in range(len(data.REGION_FOLDS)):
        blind, usual = t.train(member, t.report, fold), t.flood_rain(t.report, fold)
        inside = basins.fold[past.basin] == fold
        m_past[inside] = boost.margin(blind, relate_to_floods(x_past[inside], *usual))
        inside = basins.fold[test.basin] == fold
        for n, x in x_test.items():
            m_region[n][inside] = boost.margin(blind, relate_to_floods(x[inside], *usual))
        log(f"{member.name}: without regions {'+'.join(data.REGION_FOLDS[fold])}")

    m_years = np.empty(len(past), np.float32)
    for block in (0, 1):
        blind = t.train(member, t.report, without_block=block)
        inside = t.block(past.day) == block
        m_years[inside] = boost.margin(blind, relate_to_floods(x_past[inside], *t.flood_rain(t.report)))
    evidence = calibrate.Evidence(m_past, m_years, past.y, past.basin, basins.fold[past.basin])

    # For the report, calibration sees neither the later years nor, in the region split, the regions it is applied to.
    early = past.day < t.report
    reported = calibrate.fit(evidence.where(early))
    patterns = {n: {"later_years": reported.probability(m)} for n, m in m_known.items()}
    for n in patterns:
        patterns[n]["unseen_regions"] = np.empty(len(test))
    elsewhere = [calibrate.fit(evidence.where(early & (evidence.fold != fold))) for fold in range(len(data.REGION_FOLDS))]
    checks = []  # each calibration on the earlier days of the regions it has not seen
    for fold, c in enumerate(elsewhere):
        use = early & (evidence.fold == fold)
        checks.append((c, (m_past[use], past.y[use], past.basin[use])))
    stretch = calibrate.stretch(checks)
    coverage = []
    for fold, c in enumerate(elsewhere):
        c = c.stretched(stretch)
        inside = basins.fold[test.basin] == fold
        for n in patterns:
            patterns[n]["unseen_regions"][inside] = c.probability(m_region[n][inside])
        thin = inside & (test.day % CALIBRATE_EVERY == 0)
        n = member.patterns[0]
        coverage.append(calibrate.coverage(c, m_region[n][thin], test.y[thin], test.basin[thin]))
    interval = {"stretch": stretch, "unseen_regions": calibrate.pool(coverage)}
    methods = calibrate.compare(m_past, past.y, early, ~early)
    return Verified(patterns, calibrate.fit(evidence).stretched(stretch), interval, methods)


def skill(t: Trainer, member: Member, verified: Verified, test: boost.Sample) -> dict:
    """Skill tables of one member, and what its decision levels detect."""
    out = {}
    for name, splits in verified.patterns.items():
        out[name] = {s: evaluate.with_intervals(test.basin, test.day, test.y, p, LEVELS["high"]) for s, p in splits.items()}
        out[name]["levels"] = {
            s: {level: evaluate.event_scores(test.basin, test.day, test.y, p >= cut) for level, cut in LEVELS.items()}
            for s, p in splits.items()
        }
        log(f"{name}: " + "; ".join(
            f"{s} AP {v['average_precision']['value']} BSS {v['brier_skill']['value']} F1 {v['event_f1']['value']} "
            f"ECE {v['ece']['value']}" for s, v in out[name].items() if s != "levels"))
    return out


def envelope(basins: data.Basins, sample: boost.Sample) -> dict:
    """What training covered: the range of each raw input, and where the catchments are."""
    r = canonical(data.rows_at(basins, sample.basin, sample.day))
    inputs = {
        "rainfall_mm": r.rain, "temperature": r.temperature, "humidity": r.humidity, "rainfall_7d_mean": r.rain_7d_mean,
        "rainfall_30d_mean": r.rain_30d_mean, "rainfall_history_mm": r.history, "temperature_7d_mean": r.temperature_7d_mean,
        "temperature_30d_mean": r.temperature_30d_mean, "river": r.river,
    }
    inputs |= {f"site.{n}": column for n, column in zip(SITE_NAMES, r.site.T)}
    spans = {n: {"min": float(f"{np.nanmin(v):.6g}"), "max": float(f"{np.nanmax(v):.6g}")} for n, v in inputs.items()}
    points = sorted({(round(float(a), 1), round(float(b), 1)) for a, b in zip(basins.lat, basins.lon)})
    return {"inputs": spans, "places": {"radius_km": RADIUS_KM, "points": points}}


def training_data(basins: data.Basins) -> list[dict]:
    about = {
        "us_caravan": (
            "Caravan / CAMELS-US: ERA5-Land weather, USGS flow",
            "CC-BY-4.0 (Caravan, CAMELS-US), Copernicus licence (ERA5-Land), public domain (USGS); "
            "the copy used came from a repository under CC-BY-NC-SA-4.0",
        ),
        "us_mopex": ("US MOPEX: rain gauges, USGS flow", "NOAA/NWS public data"),
        "us_nldas_humidity": ("CAMELS-US NLDAS: humidity", "CC-BY-4.0 / public domain"),
    }
    out = []
    for i, name in enumerate(data.SETS):
        mine = basins.source == i
        recorded = np.flatnonzero((~np.isnan(basins.rain[mine])).any(axis=0))
        out.append({
            "name": name, "source": about[name][0], "licence": about[name][1], "places": int(mine.sum()),
            "period": f"{basins.days[recorded[0]].date()}/{basins.days[recorded[-1]].date()}",
        })
    return out


def described(path: Path) -> dict:
    content = path.read_bytes()
    return {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def write_json(path: Path, content) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


def log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args.add_argument("--out", type=Path, default=Path("models/risk_scorer/v1"))
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--evaluate", action="store_true", help="only print the skill tables that the last run wrote")
    args = args.parse_args()
    if args.evaluate:
        print(card.skill_tables(json.loads((args.out / "skill.json").read_text())))
        return

    args.out.mkdir(parents=True, exist_ok=True)
    basins = data.load(args.data)
    t = Trainer(basins, args.threads)
    if t.flood_rain(t.end) != (FITTED_SHORT, FITTED_LONG):
        raise SystemExit(f"the data say other flood rain than features.py:\n{t.flood_rain(t.end)}")
    test = t.days(t.report, t.end)
    log(f"{len(basins.ids)} basins, {len(test)} days to report on, {test.y.mean():.4f} of them with a flood")

    tables = {"base_rate": round(float(test.y.mean()), 5), "levels": LEVELS, "members": {}}
    boosters, calibrations, members = {}, {}, []
    for member in MEMBERS:
        verified = verify(t, member, test)
        tables["members"][member.name] = {
            "patterns": skill(t, member, verified, test),
            "interval": verified.interval,
            "calibration_methods": verified.methods,
        }
        booster = t.train(member, t.end)
        path = args.out / f"{member.name}.json"
        booster.save_model(path)
        boosters[member.name], calibrations[member.name] = booster, verified.calibration
        c = verified.calibration
        rounded = lambda z: [float(f"{v:.9g}") for v in z]
        members.append({
            "name": member.name,
            "requires": list(member.requires),
            "min_history_days": member.min_history_days,
            **described(path),
            "trees": booster.num_boosted_rounds(),
            "max_depth": COMMON["max_depth"],
            "calibration": {
                "method": "centred isotonic regression, linear in log-odds between knots",
                "margin": rounded(c.margin),
                "probability": rounded(calibrate.expit(c.logit)),
                "lower": rounded(calibrate.expit(c.lower)),
                "upper": rounded(calibrate.expit(c.upper)),
            },
        })
    monotone.check(boosters, SEED)
    sample = boost.draw(basins, 0, t.end, 0.1, np.random.default_rng(SEED))
    x = boost.matrix(basins, sample.basin, sample.day, lambda r: r)
    low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
    golden.write(args.out / "golden.json", golden.golden(boosters, calibrations, low, high, SEED))
    write_json(args.out / "skill.json", tables)
    manifest = {
        "format": 1,
        "name": "risk_scorer",
        "version": VERSION,
        "kind": "xgboost-binary-logistic",
        "feature_schema": SCHEMA,
        "created_at": CREATED_AT,
        "flood_definition": FLOOD,
        "features": [
            {"name": f.name, "unit": f.unit, "min": golden.shortest(a), "max": golden.shortest(b), "monotone": f.monotone,
             "description": f.description} for f, a, b in zip(FEATURES, low, high)
        ],
        "members": members,
        "coverage": calibrate.COVERAGE,
        "widening": WIDENING,
        "levels": LEVELS,
        "envelope": envelope(basins, sample),
        "training": {"data": training_data(basins), "seed": SEED},
        "skill": card.summary(tables),
        "golden": described(args.out / "golden.json"),
    }
    write_json(args.out / "manifest.json", manifest)
    (args.out / "card.md").write_text(card.text(manifest, tables))
    catalogue.register(args.out, "risk_scorer", VERSION)
    log("done")


if __name__ == "__main__":
    main()
