"""The model card and the tables in it, written from the manifest and the skill file."""

from __future__ import annotations

SPLITS = {"later_years": "later years, known basins", "unseen_regions": "later years, unseen regions"}
SCORES = {"average_precision": "AP", "brier_skill": "Brier skill", "event_f1": "event F1", "ece": "ECE"}


def patterns(skill: dict):
    """(member, pattern, result) of every pattern of inputs."""
    for member, m in skill["members"].items():
        for name, result in m.items():
            if name != "interval":
                yield member, name, result


def skill_tables(skill: dict) -> str:
    """Markdown: every pattern of inputs on every split, with basin-bootstrap intervals."""
    lines = []
    for split, title in SPLITS.items():
        lines += [f"**{title}**", "", "| inputs | member | " + " | ".join(SCORES.values()) + " |", "|---" * 6 + "|"]
        for member, pattern, result in patterns(skill):
            cells = [
                f"{v['value']:.4f} [{v['low']:.4f}, {v['high']:.4f}]" if s == "ece" else
                f"{v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]"
                for s, v in ((s, result[split][s]) for s in SCORES)
            ]
            lines.append(f"| {pattern} | {member} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def previous_table(skill: dict, before: dict) -> str:
    """Markdown: the version before and this one on the same days of known basins."""
    old = {name: result for _, name, result in patterns(before)}
    lines = ["| inputs | AP | Brier skill | ECE |", "|---|---|---|---|"]
    for _, name, result in patterns(skill):
        if name in old:
            cells = (f"{old[name]['later_years'][s]['value']:.{d}f} to {result['later_years'][s]['value']:.{d}f}"
                     for s, d in (("average_precision", 3), ("brier_skill", 3), ("ece", 4)))
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def level_table(skill: dict) -> str:
    """Markdown: what each decision level detects, for every set of inputs."""
    lines = ["| inputs | split | " + " | ".join(f"{n} (p >= {c:g})" for n, c in skill["levels"].items()) + " |",
             "|---" * (2 + len(skill["levels"])) + "|"]
    for _, pattern, result in patterns(skill):
        for split, title in SPLITS.items():
            cells = [f"{v['pod']:.2f} / {v['far']:.2f}" for v in result["levels"][split].values()]
            lines.append(f"| {pattern} | {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def reliability_table(skill: dict) -> str:
    """Markdown: predicted / observed in the bins from p = 0.2 on; a star marks bins outside the 90 % band."""
    lines, heads = [], None
    for _, pattern, result in patterns(skill):
        for split, title in SPLITS.items():
            bins = {f"{b['from']:g}-{b['to']:g}": b for b in result["reliability"][split] if b["from"] >= 0.2}
            if heads is None:
                heads = ["0.2-0.3", "0.3-0.4", "0.4-0.5", "0.5-0.6", "0.6-0.7", "0.7-0.8", "0.8-0.9", "0.9-1"]
                lines += ["| inputs | split | " + " | ".join(heads) + " |", "|---" * (2 + len(heads)) + "|"]
            cells = [f"{bins[h]['predicted']:.2f} / {bins[h]['observed']:.2f} ({bins[h]['days']}){'' if bins[h]['inside'] else ' *'}"
                     if h in bins else "" for h in heads]
            lines.append(f"| {pattern} | {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tail_table(skill: dict) -> str:
    """Markdown: predicted / observed on the days with more rain than the site's 2-year daily rain."""
    heads = {1.0: "1-1.25", 1.25: "1.25-1.5", 1.5: "1.5-2", 2.0: "above 2"}
    lines = ["| inputs | split | " + " | ".join(heads.values()) + " |", "|---" * (2 + len(heads)) + "|"]
    for _, pattern, result in patterns(skill):
        for split, title in SPLITS.items():
            bins = {b["from"]: b for b in result["tail"][split]}
            cells = [f"{bins[h]['predicted']:.2f} / {bins[h]['observed']:.2f} ({bins[h]['days']})" if h in bins else ""
                     for h in heads]
            lines.append(f"| {pattern} | {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(skill: dict) -> dict:
    """The few numbers that the manifest repeats."""
    return {
        pattern: {split: {s: result[split][s]["value"] for s in SCORES} for split in SPLITS}
        for _, pattern, result in patterns(skill)
    }


def member_lines(manifest: dict) -> str:
    lines = []
    for m in manifest["members"]:
        needs = ", ".join(m["requires"])
        if m["min_history_days"]:
            needs = f"{m['min_history_days']} days of rain"
        f = m["forecast"]
        terms = ", ".join(f"{t['slope']:.2f} {t['feature']}" for t in m["linear"]["terms"] if t["slope"])
        lines.append(f"| {m['name']} | {needs or 'nothing'} | {m['trees']} + {f['trees']} | {m['max_depth']} / {f['max_depth']} "
                     f"| {(m['bytes'] + f['bytes']) / 1e6:.2f} | {terms} |")
    return "\n".join(lines)


def interval_lines(skill: dict) -> str:
    lines = []
    for name, m in skill["members"].items():
        for kind, title in (("now", name), ("then", f"{name}, with forecast")):
            v = m["interval"][kind]
            bands = ", ".join(f"{band}: {share:.2f}" for band, share in v["unseen_regions"]["by_band"].items())
            lines.append(f"| {title} | {v['stretch']:g} | {v['unseen_regions']['all']:.3f} "
                         f"| {v['unseen_regions']['expecting_one_or_more']:.3f} | {bands} |")
    return "\n".join(lines)


# As recurrent.py printed it; it is not part of the run.
RECURRENT = """A gated recurrent unit with 48 cells that read two years of weather with the site, ten passes, reached 0.386 / 0.235 on the
same days of the inputs `year` (`recurrent.py`). Its eight million
multiplications an answer do not fit into the 40 microseconds of a year of weather, so it was not tried as features."""


def comparison_lines(compared: list) -> str:
    return "\n".join(f"| {c['what']} | {c['inputs']} | {c['known_ap']:.3f} / {c['known_brier_skill']:.3f} | "
                     + (f"{c['region_ap']:.3f} |" if "region_ap" in c else "not tried |") for c in compared)


def text(manifest: dict, skill: dict, compared: list, before: dict) -> str:
    """card.md."""
    w, places, e = manifest["widening"], manifest["envelope"]["places"], skill["forecast_error"]
    spans = manifest["envelope"]["inputs"]
    data = "\n".join(f"* `{d['name']}`: {d['source']}; {d['places']} places, {d['period']}. {d['licence']}."
                     for d in manifest["training"]["data"])
    return f"""# risk_scorer {manifest["version"]}

The chance of a flood today or tomorrow at a river, from rain, weather, the river and the site. *Flood* means
{manifest["flood_definition"]}. Feature schema `{manifest["feature_schema"]}`.

**Who may rely on it.** Operators who watch many small and middle-sized rivers and want to know where to look first. It is
not a certified warning system, it knows nothing of depth, extent, tides, dams or street flooding, and it never replaces
the official warning.

## Members

One member answers a request: the first whose requirements are met. A member is a sum of two parts: a small linear part on
logarithms of rain, and boosted trees (XGBoost, logistic loss) that were trained with the linear part as base margin. Where
tomorrow's rain is known, a second, smaller pair of the same kind is added, and the sum has a calibration of its own.

| member | requires | trees + forecast | depth | MB | linear part (log-odds per unit) |
|---|---|---|---|---|---|
{member_lines(manifest)}

`year` means daily rain and temperature of the 365 days before the date, of which at least 292 are known, the last three days
of rain among them. `site` means at least the mean precipitation of the site. Members that do not ask for the site never see
it. Each has learnt to do without any other input by having it hidden in two fifths of the training days.

**More rain.** The probability rises strictly with rain of today and of tomorrow, everywhere: the slopes of the linear part
are positive, the trees are constrained to rise with every feature that holds this rain, and the calibration map goes on as a
straight line in log-odds beyond its last knot. Past rain may speak against a flood: a wet week with the river still low says
that the place responds little.

**Beyond the data.** Trees are flat beyond their last split, so the linear part alone speaks there. Its slopes are set by judgement
and small, because the trees can add to it and never take from it; in 2.0.0 they were fitted and halved, which cost skill. The
slope of log(1 + (rain / 300 mm)^2) is 3: no training basin saw so much rain in a day. It adds 11 to the log-odds at the world
record of 1825 mm. The bins of the trees are filled by sampled days, not by weights, so that they split among the wettest days.

**Unknown days.** A day that is not known never counts as dry. The answer to an incomplete history is the greatest of several
looks: at the unbroken days alone, and at every longer history with the unknown days dry. Filling unknown days with
zeros therefore never raises the answer. Such answers are more cautious than calibrated ones, by design.

**Derived attributes.** With a year of weather and without the site, the mean rain, potential evapotranspiration (Oudin et al.
2005), aridity, snow fraction and days of heavy rain come from that year, and the answer names them.

## Data

{data}

Basins with a 2-year flow below 0.5 mm/day or floods on more than 3 % of the days are left out. Uneventful days are thinned
to {skill["quiet"]:.1%} and weighted back. In members with a river MOPEX days count less: their basins are larger. A calm
day with the river just below its threshold teaches something else than one far below it: the label is softened by that
distance (in training only; calibration and scores use the hard label).
Known faults of the data: flow is rounded to 0.01 mm/day; ERA5-Land underestimates convective extremes; all places are in
the United States.

Tomorrow's rain is trained on observed rain degraded to the error of a forecast (`data.forecast_of`): up to 60 % of the amount
comes from the day before or after, the amount is off by a lognormal factor (0.45 in log), drizzle comes and goes. Against the
rain that fell the degraded forecast has a correlation of {e["correlation"]:g}, a bias of {e["bias"]:g}, and for 20 mm a POD of
{e["pod_20mm"]:g} at a FAR of {e["far_20mm"]:g}. A worse forecast than that makes answers too sure.

Features (all in the manifest): rain of today and tomorrow, sums and decaying sums of up to 90 days, the same relative to
the site; from a year of weather a degree-day snow store, two soil stores with their runoff, decaying sums of rain and
melt, each over its greatest value in the year before; the river of yesterday and of 2, 3 and 7 days ago with the mean and the
most of 30 days; temperature and warming, humidity, season, and the site. Latitude and longitude are not features.

## Skill

On days from 2001-07 to 2006-06 ({skill["base_rate"]:.2%} of them count as flood today or tomorrow), in {skill["basins"]} of the Caravan
basins, {skill["days"]} days. Features, trees and sampling were chosen on earlier days, 1996-10 to 2001-06, but for
the soft labels of the members with a river, kept from 2.0.0: those were set after scores on the later years had been seen,
which flatters their rows a little. *Known basins*: trained on the
years before 2001-07. *Unseen regions*: trained on the years before in other HUC-02 regions, {manifest["training"]["region_groups"]} groups in turn; calibrated on
neither the later years nor the region. The regions of a group lie apart, so the neighbours of a region are known; 2.0.0 left out
a third of the regions at a time, and its figures for unseen regions are not comparable. AP is average precision over all basins pooled; Brier skill refers to the base rate;
events are flood days merged over gaps of up to 3 days, warned of by p >= {skill["levels"]["high"]:g} (level high); ECE is over 20 equally
filled bins. In brackets the 90 % interval from resampling basins. The map that calibrates these tables was fitted, like
the one that ships, to new places and to new years at known places in equal parts, all before 2001-07. In these tables each request brings its inputs whole, and
incomplete histories answer by their own look alone; the served answer to them is the same or higher.

{skill_tables(skill)}
Inputs: `service` is rain of today, its 7- and 30-day means, temperature, season, site; `history_N` adds N days of rain; `year` is
the year of rain and temperature without posted means; `river` adds yesterday's river, `river_week` its last 30 days;
`temperature_means` those of 7 and 30 days; `forecast` tomorrow's rain.

From 2.0.0 to this version, known basins, the same days. ECE of 2.0.0 was that of a map fitted to new regions alone. The plain
service request at known basins gained nothing in average precision.

{previous_table(skill, before)}

## Levels

Cuts on the calibrated probability, the same for all members. POD / FAR (false alarm *ratio*) in events:

{level_table(skill)}

The cuts are those of 1.0.0.

## Reliability

Mean predicted / observed frequency (days) in the bins from 0.2 on. A star marks bins whose count of floods lies outside the
central 90 % that independent days would bring; flood days come in runs, so the true band is wider.

{reliability_table(skill)}

Days with more rain than the site's 2-year daily rain (median of the years' greatest days), by the ratio of the two; mean predicted /
observed frequency (days):

{tail_table(skill)}

## Calibration and interval

Centred isotonic regression, linear in log-odds between knots and beyond them, strictly increasing. It is fitted to margins of
boosters that had not seen the region and of boosters that had not seen the years, in equal parts: the years after 2001-06 of one
trained before, and those from 1996-10 to 2001-06 of one trained before these.

The interval speaks about places: {manifest["coverage"]:.0%} of places that the model never saw should have, among their days with a similar
probability, a flood frequency inside it. Within bands of probability the basins' log-odds scatter normally around a shift; both
were fitted to the basins' flood counts by maximum likelihood (counts weighted for the thinned days), and the intervals are
stretched by the least factor that reaches the nominal share on earlier days of regions left out of the fit. Check on
unseen regions and later years: share of basins (per band) whose flood count lies within the central {manifest["coverage"]:.0%}.

| member | stretch | all | where one flood or more was expected | by band of probability |
|---|---|---|---|---|
{interval_lines(skill)}

Out of domain is an input beyond the value that 200 days of the development data lie beyond: rain of a day above
{spans["rainfall_mm"]["max"]:g} mm, a river ratio above {spans["river"]["max"]:g}. There the half widths in log-odds grow: times {w["place"]:g} when no training basin lies within
{places["radius_km"]} km, times {w["per_out_of_domain"]:g} for every other input, at most times {w["maximum"]:g}; and when rain or the river lies above, the
interval reaches to 1. Nobody has measured these factors; they are a judgement. Confidence is exp(-width / {w["confidence_width"]:g}), width being
upper minus lower in log-odds.

## Comparison

Average precision / Brier skill on 1996-10 to 2001-06 with training before (every third Caravan basin; one group of regions left
out), as `compare.py` printed them. Members learn to do without inputs; here all inputs of the pattern are there in training, too.

| what | inputs | known basins | unseen region, AP |
|---|---|---|---|
{comparison_lines(compared)}

{RECURRENT}

## Known failures

* Without the site and without a year of weather most of the skill is gone (rows `*_no_site`): 20 mm are nothing to one river and
  a disaster to another.
* In unseen regions high probabilities without a river are the least certain: few floods tell how often they come true.
* A river *level* instead of a discharge makes a ratio that is larger at medium flow than the discharges it was trained on.
* Humidity was known at 14 basins only and adds little. Outside the United States nothing was verified; Lagos, for one, is
  out of domain in place, and its answers carry a wide interval.
* At known basins days that are said to flood with 0.3 to 0.6 flood more often than that where no river is known, and in unseen
  regions without the site those said above 0.6 flood less often: one map serves both.
* The interval was stretched on years before 2001-07 and covers less than its nominal share in the years after, as the table above
  says: years deviate as well as places.
* A history without one known wet day answers at most what no history would, even where the year was truly dry throughout.
"""
