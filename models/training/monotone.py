"""Proof by trial: more rain today or tomorrow raises the probability, and filling unknown days with zeros does not."""

from __future__ import annotations

import copy

import numpy as np

import golden

TRIALS = 150


def raise_rain(q: dict, rng: np.random.Generator) -> dict:
    """The request with more rain today, or tomorrow."""
    raised = copy.deepcopy(q)
    more = float(rng.choice([0.1, 1.0, 10.0, 100.0]))
    if "rainfall_forecast_mm" in q and rng.random() < 0.5:
        raised["rainfall_forecast_mm"][0] += more
    else:
        raised["rainfall_mm"] += more
    return raised


def fill(q: dict, rng: np.random.Generator) -> dict:
    """The request with some unknown days of its history dry."""
    filled = copy.deepcopy(q)
    history = filled.setdefault("rainfall_history_mm", [])
    history += [None] * int(rng.choice([0, 3, 30, 365 - min(len(history), 365)]))
    share = rng.random()
    filled["rainfall_history_mm"] = [0.0 if v is None and rng.random() < share else v for v in history][:400]
    return filled


def check(model: golden.Model, seed: int) -> None:
    """Stops the run when the rule is broken."""
    rng = np.random.default_rng(seed)
    odds = lambda q: model.answer(golden.parse([q]))[0]
    for _ in range(TRIALS):
        q = golden.request(rng)
        before = odds(q)
        for what, other, wrong in (("more rain", raise_rain(q, rng), lambda after: after <= before),
                                   ("dry days", fill(q, rng), lambda after: after > before)):
            if wrong(odds(other)):
                raise SystemExit(f"{what}: log-odds from {before} to {odds(other)}: {q}")
