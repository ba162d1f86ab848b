"""The model card and the tables in it, written from the manifest and the skill file."""

from __future__ import annotations

SPLITS = {"later_years": "later years, known basins", "unseen_regions": "later years, unseen regions"}
SCORES = {"average_precision": "AP", "brier_skill": "Brier skill", "event_f1": "event F1", "ece": "ECE"}


def skill_tables(skill: dict) -> str:
    """Markdown: every pattern of inputs on every split, with basin-bootstrap intervals."""
    lines = []
    for split, title in SPLITS.items():
        lines += [f"**{title}**", "", "| inputs | member | " + " | ".join(SCORES.values()) + " |", "|---" * 6 + "|"]
        for member, m in skill["members"].items():
            for pattern, result in m["patterns"].items():
                cells = [
                    f"{v['value']:.4f} [{v['low']:.4f}, {v['high']:.4f}]" if s == "ece" else
                    f"{v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]"
                    for s, v in ((s, result[split][s]) for s in SCORES)
                ]
                lines.append(f"| {pattern} | {member} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def level_table(skill: dict) -> str:
    """Markdown: what each decision level detects, per member's main pattern."""
    lines = ["| inputs | split | " + " | ".join(f"{n} (p >= {c:g})" for n, c in skill["levels"].items()) + " |",
             "|---" * (2 + len(skill["levels"])) + "|"]
    for m in skill["members"].values():
        for pattern, result in m["patterns"].items():
            for split, title in SPLITS.items():
                cells = [f"{v['pod']:.2f} / {v['far']:.2f}" for v in result["levels"][split].values()]
                lines.append(f"| {pattern} | {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(skill: dict) -> dict:
    """The few numbers that the manifest repeats."""
    return {
        pattern: {split: {s: result[split][s]["value"] for s in SCORES} for split in SPLITS}
        for m in skill["members"].values() for pattern, result in m["patterns"].items()
    }


def member_lines(manifest: dict) -> str:
    lines = []
    for m in manifest["members"]:
        needs = " and ".join(m["requires"]) or "nothing"
        if m["min_history_days"]:
            needs += f" of at least {m['min_history_days']} days"
        lines.append(f"| {m['name']} | {needs} | {m['trees']} | {m['max_depth']} | {m['bytes'] / 1e6:.2f} |")
    return "\n".join(lines)


def calibration_lines(skill: dict) -> str:
    lines = []
    for name, m in skill["members"].items():
        cells = [f"{v['log_loss']:.5f} / {v['ece']:.5f}" for v in m["calibration_methods"].values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def interval_lines(skill: dict) -> str:
    lines = []
    for name, m in skill["members"].items():
        v = m["interval"]["unseen_regions"]
        bands = ", ".join(f"{band}: {share:.2f}" for band, share in v["by_band"].items())
        stretch = m["interval"]["stretch"]
        lines.append(f"| {name} | {stretch:g} | {v['all']:.3f} | {v['expecting_one_or_more']:.3f} | {bands} |")
    return "\n".join(lines)


def text(manifest: dict, skill: dict) -> str:
    """card.md."""
    w, places = manifest["widening"], manifest["envelope"]["places"]
    data = "\n".join(f"* `{d['name']}`: {d['source']}; {d['places']} places, {d['period']}. {d['licence']}."
                     for d in manifest["training"]["data"])
    methods = next(iter(skill["members"].values()))["calibration_methods"]
    return f"""# risk_scorer {manifest["version"]}

The chance of a flood today or tomorrow at a river, from rain, weather, the river and the site. *Flood* means
{manifest["flood_definition"]}. Feature schema `{manifest["feature_schema"]}`.

**Who may rely on it.** Operators who watch many small and middle-sized rivers and want to know where to look first. It is
not a certified warning system, it knows nothing of depth, extent, tides, dams or street flooding, and it never replaces
the official warning.

## Members

One gradient-boosted ensemble (XGBoost, logistic loss) answers a request, the first whose requirements are met; each has
learnt to do without any other input by having it hidden in training.

| member | requires | trees | depth | MB |
|---|---|---|---|---|
{member_lines(manifest)}

Three members instead of one, because one booster for all requests spends its few trees on telling the cases apart. The size
of a member is bounded by the time that an exact explanation may take.

Raising any rain input, other inputs unchanged, never lowers the probability: every rain feature rises with rain, and the
trees are constrained to rise with every rain feature and with the river ratio. (A rain value that was missing and now is
given is new knowledge, not more rain; so is one more day of history, which may also change the member.)

## Data

{data}

Basins with a 2-year flow below 0.5 mm/day or floods on more than 3 % of the days are left out. Uneventful days are thinned
and weighted back. In the member `river` MOPEX days count 0.3, elsewhere like all others: their basins are larger. A calm day
with the river just below its threshold teaches something else than one far below it: in the members without a river the label
is softened by that distance (in training only; calibration and scores use the hard label).
Known faults of the data: flow is rounded to 0.01 mm/day; ERA5-Land underestimates convective extremes; all places are in
the United States.

Features (all in the manifest): rain of 1 to 90 days, antecedent precipitation indices, the same relative to the site's mean
rain or to the rain that usually brings a flood to a site with such attributes (`flood_rain.py`), the river's position between
its median and its 2-year level, temperature and warming, humidity, season, and the site. Latitude and longitude are not
features: they would only name the training basins.

## Skill

On days from 2001-07 to 2006-06 ({skill["base_rate"]:.2%} of them count as flood today or tomorrow), in Caravan basins. Features, trees and sampling were
chosen on earlier days. These days were seen while the calibration mix, the interval's fit and level high were settled, so ECE,
event F1 and interval coverage are slightly flattered. *Known basins*: trained on the years before. *Unseen regions*: trained on the years before in
other HUC-02 regions, six groups in turn; calibrated on neither the later years nor the region. AP is average precision over
all basins pooled; Brier skill refers to the base rate; events are flood days merged over gaps of up to {3} days, warned of by
p >= {skill["levels"]["high"]:g} (level high); ECE is over 20 equally filled bins. In brackets the 90 % interval from resampling basins.

{skill_tables(skill)}
`service` is rain of today, its 7- and 30-day means, temperature, season, site. `history_3` adds three days of rain,
`history_90` ninety and the temperature means; `river` adds yesterday's river to `service`. `_temperature_means` adds the 7- and
30-day means of temperature: they tell thaw and fresh snow, and are worth posting.

## Levels

Cuts on the calibrated probability, the same for all members. POD / FAR (false alarm *ratio*) in events:

{level_table(skill)}

`high` was chosen on days before 2001-07 as a compromise of the members' best cuts by event F1, which lie higher with the
river than without. `moderate` finds most events at the price of many alarms; `extreme` is the least often in vain.

## Calibration

Centred isotonic regression, linear in log-odds between knots and strictly increasing, so it creates no ties. It is fitted
to margins of boosters that had not seen the region and of boosters that had not seen the years, in equal parts: new places
and known places at new times are served alike. Soft labels make raw margins too high; calibration takes that back. Log loss /
calibration error in unseen regions on later days, of maps fitted to earlier days:

| member | {" | ".join(methods)} |
|{"---|" * (1 + len(methods))}
{calibration_lines(skill)}

## Interval

The interval speaks about places: {manifest["coverage"]:.0%} of places that the model never saw should have, among their days with a similar
probability, a flood frequency inside it. Within bands of probability (calibrated without the basin's region) the basins'
log-odds scatter normally around a shift; both were fitted to the basins' flood counts by maximum likelihood. Whole regions
deviate together, which that fit cannot see: the intervals are therefore stretched in log-odds, by the least factor that
reaches the nominal share on the days before 2001-07 of regions left out of the fit. Check on unseen regions and later years:
share of basins (per band) whose flood count lies within the central {manifest["coverage"]:.0%} of what the stretched interval and the
binomial scatter of a count predict. A share below that is a shortfall; 2001 to 2006 had fewer floods than the years before.

| member | stretch | all | where one flood or more was expected | by band of probability |
|---|---|---|---|---|
{interval_lines(skill)}

Out of domain the half widths in log-odds grow: times {w["place"]:g} when no training basin lies within {places["radius_km"]} km, times
{w["per_out_of_domain"]:g} for every other input outside its training range, at most times {w["maximum"]:g}. Nobody has measured these
factors; they are a judgement. Confidence is exp(-width / {w["confidence_width"]:g}), width being upper minus lower in log-odds.

## Known failures

* Without the site most of the skill is gone (rows `*_no_site`): 20 mm are nothing to one river and a disaster to another. In
  unseen regions such answers are no better than the base rate by the Brier score, and their calibration error is four times
  that of answers with a site. Rain of today alone never reaches level high.
* In unseen regions high probabilities without a river are the least certain: few floods tell how often they come true.
* A river *level* instead of a discharge makes a ratio that is larger at medium flow than the discharges it was trained on.
* Floods from snow melt are seen only through temperature; there is no snow input.
* Humidity was known at 14 basins only and adds little. Outside the United States nothing was verified; Lagos, for one, is
  out of domain in place, and its answers carry a wide interval.
"""
