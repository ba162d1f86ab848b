"""Writes the model card from the manifest and the skill tables: no number in it is typed by hand."""

from __future__ import annotations

import re

EVENT = "river level or discharge at or above its flood threshold at the valid time"
HORIZONS = ("1", "3", "6", "12", "24")
FAR = ("48", "72")  # of the members with a rain forecast


def describe(f) -> dict[str, tuple[str, str]]:
    """Unit and description of each feature."""
    bent = "asinh(z / 0.03)"
    patterns = [
        (r"z_now", "z", "newest level, 0 at the normal and 1 at the flood threshold"),
        (r"z_now_bent", "asinh(3 z)", "newest level"),
        (r"rise_(\d+)h", bent, "rise over {} h"),
        (r"bend_(\d+)h", bent, "change of the rise over {0} h from the {0} h before"),
        (r"below_max_(\d+)h", bent, "highest level of {} h less the newest"),
        (r"above_min_(\d+)h", bent, "newest level less the lowest of {} h"),
        (r"age_max_(\d+)h", "log(1 + h)", "hours since the highest level of {} h"),
        (r"age_min_(\d+)h", "log(1 + h)", "hours since the lowest level of {} h"),
        (r"volatility_(\d+)h", "asinh(z / 0.01)", "mean absolute hourly change over {} h"),
        (r"echo_(\d+)h", bent, "change over {} h that followed 25 h ago"),
        (r"level_age", "log(1 + h)", "age of the newest level"),
        (r"rain_(\d+)h", "log(1 + mm)", "rain of {} h"),
        (r"rain_peak_(\d+)h", "log(1 + mm)", "wettest hour of {} h"),
        (r"store_(\d+)h", "log(1 + mm)", "content of a linear store with a time constant of {} h"),
        (r"rain_age", "log(1 + h)", "hours since rain of 0.5 mm or more"),
        (r"rain_centroid_24h", "h", "mean age of the rain of 24 h"),
        (r"rain_since_low", "log(1 + mm)", "rain since three hours before the lowest level of 72 h"),
        (r"rise_per_mm_since_low", "asinh(30 z/mm)", "rise since the lowest level of 72 h by rain"),
        (r"still_(\d+)h", "share", "share of {} h in which the level did not move"),
        (r"rough_(\d+)h", "asinh(z / 0.01)", "mean absolute change of the hourly change over {} h"),
        (r"grain_(\d+)h", "asinh(z / 0.003)", "smallest change of the level within {} h"),
        (r"push_(\d+)h_(\d+)h", bent, "rise in {1} h if this river answers a store of {0} h as it did within the sequence"),
    ]
    out = {}
    for name in f.FEATURES:
        for pattern, unit, text in patterns:
            if m := re.fullmatch(pattern, name):
                out[name] = (unit, text.format(*m.groups()))
    return out


def summary(tables: dict) -> dict:
    keep = ("brier_skill", "crps_skill", "coverage", "onset_average_precision")
    return {
        name: {s: {h: {k: round(v[k], 4) for k in keep} for h, v in m[s].items()} for s in ("unseen_groups", "later_time")}
        for name, m in tables["members"].items()
    }


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows])


def skill_table(m: dict, river: bool) -> str:
    rows = []
    for h in HORIZONS + FAR:
        if h not in m:
            continue
        v = m[h]
        lo, hi = v["brier_skill_interval"]
        rows.append([
            h, f"{v['brier_skill']:.3f} [{lo:.3f}, {hi:.3f}]", f"{v['crps_skill']:.3f}" if river else "-", f"{v['onset_average_precision']:.3f}",
            f"{v['coverage']:.3f} / {v['coverage_of_systems']:.3f}" if "coverage_of_systems" in v else f"{v['coverage']:.3f}", str(v["events"]),
        ])
    return table(["hours", "Brier skill", "CRPS skill", "onset AP", "p10-p90 covers: median gauge / mean of systems", "event rows"], rows)


def against(new: dict, old: dict) -> str:
    """Brier skill, CRPS skill and onset average precision of 2.0.0 beside 1.0.0 on the same rows."""
    rows = []
    for name, m in new.items():
        for split, title in (("unseen_groups", "unseen systems"), ("later_time", "later time")):
            if m is old.get(name) or m == old.get(name):
                continue
            show = lambda t, k: " / ".join(f"{t[h][k]:.3f}" for h in HORIZONS)
            for k, label in (("brier_skill", "Brier skill"), ("crps_skill", "CRPS skill"), ("onset_average_precision", "onset AP")):
                rows.append([name, title, label, show(m[split], k), show(old[name][split], k)])
    return table(["member", "split", "score", "2.0.0 at 1 / 3 / 6 / 12 / 24 h", "1.0.0"], rows)


def level_table(m: dict, cuts: dict, early: float) -> str:
    names = list(cuts) + ["early_warning"]
    head = ["hours"] + [f"{n} (p >= {cuts.get(n, early)})" for n in names]
    rows = []
    for h in HORIZONS:
        cell = lambda v: f"{v['pod']:.2f} / {v['far']:.2f} ({v['onset_pod']:.2f} / {v['onset_far']:.2f})"
        rows.append([h] + [cell(m[h]["levels"][n]) for n in names])
    return table(head, rows)


ABOUT = {
    "level_rain": "river and rain",
    "level_rain_forecast": "river, rain and a rain forecast",
    "level": "river alone",
    "rain": "rain alone, no river",
    "rain_forecast": "rain and a rain forecast, no river",
}


def text(manifest: dict, tables: dict) -> str:
    out = [f"""# nowcaster {manifest['version']}

The chance that a river will be at or above its flood threshold 1 to 24 hours ahead, to 72 where a rain forecast reaches so far, and the quantiles of its level or
discharge, from recent readings. Event: {manifest['event']}. Feature schema `{manifest['feature_schema']}`.

**Who may rely on it.** Operators of a gauge who want to know some hours ahead where to look. It is not a certified warning
system, it knows nothing of dams, tides, ice or depth on land, and it never replaces the official warning.

## Model

Inside, the river is z = (x - normal) / (flood threshold - normal). For each whole horizon there is one distribution of
asinh((z - z now) / 0.03): a mixture of logistic distributions whose parameters come from small networks (two hidden layers,
SiLU). Outputs belong to the horizons 1, 2, 3, 6, 12 and 24 h, with a rain forecast also to 48 and 72 h, and are
interpolated in log(horizon), so that no horizon depends on which others are asked. Probability and quantiles are read from the one curve. Loss: the continuous ranked probability score in units of
persistence's, the log loss of the event, and the log density. Readings are brought to an hourly grid of 14 days first;
temperature and humidity are not used.

Forecast rain only moves the mixture's components upwards, by gains that are positive by construction: more forecast rain
never lowers the probability of exceeding any threshold. A forecast shorter than the horizon shares the answer with the member
that has none, in proportion to the hours; beyond 24 h only a forecast that reaches the horizon is answered. Nothing of the kind is
guaranteed for the current level or for past rain.

What the service makes of doubtful readings (a lone leap of the newest one, a gauge that stands still, thresholds that do not
fit) is not part of the networks: see ADR 0020.
"""]
    out.append(table(["member", "answers from", "networks", "units a layer", "MB"], [
        [e["name"], ABOUT[e["name"]], str(e["networks"]), str(e["hidden"]), f"{e['bytes'] / 1e6:.2f}"] for e in manifest["members"]]))
    out.append("""
A river without normal and flood threshold is forecast on a scale of its own (its median, and at least 1 m or ten times the
median flow above it); its probability comes from rain alone and its level is `unknown`. So is the level without a river.

The members `level_rain` and `rain` are those of 1.0.0, unchanged: a `level_rain` of the widened training was no better (see *Tried*), and
nothing that is new concerns rain alone within a day. `level`, `level_rain_forecast` and `rain_forecast` are new; those that see the river also read how
its gauge is read (`still`, `rough`, `grain`).

## Data

Sixteen hourly gauges on seven river systems:
""")
    data = [d for d in manifest["training"]["data"] if not d["name"].startswith("fr_")]
    french = [d for d in manifest["training"]["data"] if d["name"].startswith("fr_")]
    out.append(table(["gauge", "system", "unit", "hours", "period"], [
        [d["name"], d["group"], d["unit"], str(d["hours"]), d["period"]] for d in data]))
    out.append(f"""
The member `level` also learns from {len(french)} French gauges (Hub'Eau, {sum(d["hours"] for d in french)} hours of January and
February 2020, storm Gloria, levels without rain), which count as one gauge together.

Sixteen gauges have not seen what a small creek does: the fastest real rise is 3.4 z in an hour. So the training of the new members that see the river is widened, and
every row that is made so comes from a real event. Half of the rows are rescaled: the river by a log-normal factor
(standard deviation of the logarithm 0.4, between 0.5 and 4), as if its threshold were another, and the rain by one of 0.3, as if its gauge stood
elsewhere. Each record is also read as if its river were smaller: what took two or three hours takes one, rain included; these
rows weigh 0.7 and 0.6 of the real ones. `rain_forecast` is trained on the real rows: rain alone cannot know that a river was rescaled, and a
first training on the widened rows was clearly worse. Some sequences end up to three days after the river's last reading. All scores below are on real,
unchanged sequences.
""")
    out.append("""
Sources and terms: `it_*` ARPA Lombardia (terms not stated in the copy used), `kr_10*` and `kr_20*` WAMIS Korea (no licence
file), `kr_han_*` Han River Flood Control Office by way of a DACON competition (no licence file), `uk_wye` CEH Wallingford in
hydromad (GPL>=2), `no_16193` NVE in StochasticPQRUT (MIT), `us_01037000` USGS and ASOS, public domain. Known faults: the Han
gauges report from May to October only, lie in a tidal reach below dams and are nearly one series; half of the hours of the
American gauge are missing and its rain is doubled in places; 38 % of the Norwegian flow is missing.

The flood threshold of each gauge is the 99th percentile of its record, its normal the median. Quiet hours are thinned and
weighted back, gauges count alike and those of one system less. Two in five training sequences are cut to a random length
from 7 readings, some have gaps, steps of up to a day, or a river that stopped reporting hours ago.

Rain forecasts for training and for the scores are observed rain with a forecast's errors: log-normal factors of mean one, common to the
forecast and by the hour, whose widths grow with the lead time; shifts in time; missed hours; false rain in 8 % of the
forecasts (`samples.degrade`). How good a real forecast is decides how good the answers with it are.

## Skill

Sequences of 168 hourly readings. *Unseen river systems*: the members of 1.0.0 were trained on six systems and scored on the seventh, in
turn; the new ones were trained once for two systems left out together (`train_nowcast.PAIRS`), to save time. All were recalibrated on
the other systems. *Later time*: trained before and scored in the last quarter of each record. Brier skill refers to calibrated
persistence (isotonic regression of the event on the current level, fitted to the other systems or the earlier time; for the
members without a river, the base rate), pooled over gauges, with its 90 % interval from resampling blocks of 30 days; CRPS
skill refers to persistence, median over gauges; onset AP is the average precision among rows whose river is below the
threshold. The settings (inputs, units, dropout, loss weights) were chosen on the same unseen systems with one network each, so those
figures are slightly flattered; the widening was set once, but which members
use it, and which are those of 1.0.0, was decided on these tables. In the tables of new members one network answers; two are
pooled in what ships. The tables of `level_rain` and `rain` are those of 1.0.0, where two networks answered for `level_rain` and in later time.
""")
    if "before" in tables:
        out.append("New members beside those of 1.0.0, on the same test hours; one network here, two there in later time:\n\n"
                   + against(tables["members"], tables["before"]) + "\n")
    for name, m in tables["members"].items():
        for split, title in (("unseen_groups", "unseen river systems"), ("later_time", "later time of known gauges")):
            out.append(f"**{name}: {title}**\n\n{skill_table(m[split], not name.startswith('rain'))}\n")
    out.append("CRPS skill by gauge, `level_rain`, unseen river systems:\n")
    m = tables["members"]["level_rain"]["unseen_groups"]
    out.append(table(["gauge", *(f"{h} h" for h in HORIZONS)], [
        [n, *(f"{m[h]['crps_skill_by_station'].get(i, m[h]['crps_skill_by_station'].get(str(i), float('nan'))):.2f}" for h in HORIZONS)]
        for i, n in enumerate(tables["stations"])]))
    if tables.get("tried"):
        out.append("""
## Tried

A `level_rain` trained on the widened rows, with the new features, one network, each system left out alone. Its onset average precision on
unseen systems is higher at most horizons, its Brier skill lower at 3 to 12 h, and in later time it is behind; it also learnt from accelerated rivers that
floods end soon. It does not ship.

""" + against(tables["tried"], tables["before"]) + "\n")
    if "onsets" in tables:
        out.append("""
## When the threshold is crossed

Member `level_rain` at the first reading at or above the threshold: the chance that the river is there an hour later. *1.0.0, all*: the member
that ships, about its own training; *widened, later*: the one that was tried, trained before the last quarter of each record and asked about that quarter. *h in one*: hours of the real
record that are told as one; *river times*: the river above its normal, rescaled. A flash onset rises by at least 0.3 z in the hour
of the crossing. A river that just touches its threshold does not stay there: where fewer than nine in ten were still above an hour later, a
calibrated chance of 0.9 is not to be had. The last columns are the readings one hour before a crossing with more than 20 mm of rain in
the hour, and how many of them have a chance below 0.02 at all of 1, 3, 6, 12 and 24 h (`very_low`).
""")
        out.append(table(
            ["onsets", "number", "p(1 h) >= 0.9", "mean p(1 h)", "still above", "flash onsets", "of them p(1 h) >= 0.9", "mean p(1 h)", "still above",
             "an hour before, in heavy rain", "very_low"],
            [[name, str(v["onsets"]), f"{v['at_least_0.9']:.2f}", f"{v['mean']:.2f}", f"{v['still_above']:.2f}", str(v["flash"]), f"{v['flash_at_least_0.9']:.2f}",
              f"{v['flash_mean']:.2f}", f"{v['flash_still_above']:.2f}", str(v["before_in_heavy_rain"]), str(v["very_low_before"])]
             for name, v in tables["onsets"].items()]))
    if "elsewhere" in tables:
        out.append("""
## Level alone, elsewhere

The member `level` on rivers, tidal gates and a country that its training did not see (for France a member trained without the French
gauges, else the one that ships), with readings as published (spikes and
datum faults included) through the service's cleaning. Threshold and normal are the 99th percentile and the median of the same
short record, on the Shabelle the official moderate level and the median; gauges whose two differ by less than 5 cm are
left out. Persistence is calibrated on the training gauges. Medians over gauges; events are few and of one episode or season.
""")
        rows = []
        for title, t in tables["elsewhere"].items():
            rows += [[title, str(t["gauges"]), h, f"{v['brier_skill']:.3f} [{v['brier_skill_interval'][0]:.3f}, {v['brier_skill_interval'][1]:.3f}]",
                      f"{v['crps_skill']:.3f}", f"{v['onset_average_precision']:.3f}", f"{v['coverage']:.3f}", str(v["events"])]
                     for h, v in t["scores"].items()]
        out.append(table(["records", "gauges", "hours", "Brier skill", "CRPS skill", "onset AP", "p10-p90 covers", "event rows"], rows))
    if "comparison" in tables:
        out.append("""
## Comparison

What else was tried for 1.0.0, one model a system left out (`compare.py`); it was not repeated for 2.0.0. Brier skill on unseen river systems against calibrated persistence, and
CRPS skill where the model has a distribution, over every second of the test hours of the tables above, with one network and without
recalibration, so that the rows compare with each other rather than with those tables. The mixture and the recurrent network have
the same outputs and loss; the recurrent one had three epochs and one choice of settings, the mixture many. A blend costs the work of both its parts, and the recurrent network's hours cannot go side by side; neither
ships.
""")
        rows = []
        for name, c in tables["comparison"].items():
            show = lambda v: " / ".join(f"{x:.3f}" for x in v) if v else "-"
            rows.append([name, show(c["brier_skill"]), show(c.get("crps_skill"))])
        out.append(table(["model", "Brier skill 1 / 3 / 6 / 12 / 24 h", "CRPS skill 1 / 3 / 6 / 12 / 24 h"], rows))
    out.append("""
## Levels and early warning

Cuts on the probability; POD / FAR (false alarm *ratio*) over hours, in brackets over the hours when the river was still below its
threshold. Member `level_rain`.
""")
    for split, title in (("unseen_groups", "unseen river systems"), ("later_time", "later time of known gauges")):
        out.append(f"**{title}**\n\n{level_table(tables['members']['level_rain'][split], tables['levels'], tables['early_warning'])}\n")
    out.append("""The early warning is raised when any horizon asked for reaches its cut. The cuts are round numbers, a judgement about what
a missed flood and a false alarm cost; an operator may well choose others.

## Calibration and interval

The log-odds of the distribution function are multiplied by a slope for each member and horizon, so that p10 to p90 covers
80 % of what happens among systems that the networks had not seen: half-way between the median gauge and the mean of the systems (1.0.0: at the
median gauge, and two systems have seven of the sixteen). The interval speaks about rivers: it spans the central
90 % of a normal distribution of log-odds whose standard deviation is the root mean square over gauges of
log(observed / expected events) in hours below the threshold, scatter of small counts included. It was not verified on other data.
""")
    out.append(table(["member", "slope 1 / 2 / 3 / 6 / 12 / 24 (/ 48 / 72) h", "spread in log-odds"], [
        [e["name"], " / ".join(f"{v:.2f}" for v in e["calibration"]["slope"]), " / ".join(f"{v:.2f}" for v in e["calibration"]["spread"])]
        for e in manifest["members"]]))
    out.append("""
The slope of a member with a rain forecast has two more knots, 48 and 72 h; `rain` keeps the calibration of 1.0.0.""")
    w = manifest["widening"]
    out.append(f"""
Daily or coarse steps, gaps, less than a day of the river, a river last read more than three hours ago, and inputs outside the training range widen it by
{w['per_condition']} each, at most {w['maximum']} times. Nobody has measured these factors. Confidence is exp(-width / {w['confidence_width']:g}).

## Known failures

* Seven river systems are few. A river unlike them (large, tidal, snow-fed, below a dam) is a guess; the Han, scored blind,
  shows it at 12 and 24 hours.
* Without a rain forecast nothing is known of rain that has not fallen: beyond the river's own response time the probability of an
  onset stays low until it rains.
* Gauges read in coarse steps: at one hour a constant is hard to beat (see `kr_10186xx`), and on unseen rivers the band at one
  hour misses its 80 % at many gauges, some above and some below.
* Twelve and twenty-four hours ahead on unseen rivers the Brier skill without a rain forecast is small, and simpler models may do
  as well there (see the comparison).
* Tidal gates and pumping stations (Jakarta, above): the band covers far fewer than 80 % of what happens, and little is gained
  over persistence.
* On daily readings (Shabelle, above) the quantiles are hardly better than persistence, though the probabilities are.
* Rain alone does not know the river: compare its onset AP and Brier skill (against the base rate) with those of the others.
* Rain forecasts of two and three days are observed rain with errors that were chosen, not measured: how good a real one is decides.
* The threshold of training is exceeded 1 % of the time. A threshold far rarer or more frequent was not verified.
* Snow melt, ice, temperature: not seen.
""")
    return "\n".join(out)
