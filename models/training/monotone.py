"""Proof by trial: more rain never lowers a probability."""

from __future__ import annotations

import copy

import numpy as np
import xgboost as xgb

import golden
from boost import margin
from features import assemble, canonical

TRIALS = 5000


def raise_rain(q: dict, rng: np.random.Generator) -> dict:
    """The request with one of its rain inputs raised."""
    raised = copy.deepcopy(q)
    places = [(raised, n) for n in ("rainfall_mm", "rainfall_7d_mean", "rainfall_30d_mean") if n in q]
    history = raised.get("rainfall_history_mm", [])
    places += [(history, i) for i, v in enumerate(history) if v is not None]
    where, key = places[rng.integers(len(places))]
    where[key] += float(rng.choice([0.1, 1.0, 10.0, 100.0]))
    return raised


def check(boosters: dict[str, xgb.Booster], seed: int) -> None:
    """Raise a rain input of many random requests; stop the run when a margin falls."""
    rng = np.random.default_rng(seed)
    before = [golden.request(rng) for _ in range(TRIALS)]
    after = [raise_rain(q, rng) for q in before]
    raw = golden.parse(before)
    served = canonical(raw)
    member = np.array([golden.serving_member(served, i) for i in range(TRIALS)])
    low, high = assemble(raw), assemble(golden.parse(after))
    for name, booster in boosters.items():
        mine = member == name
        fell = margin(booster, high[mine]) < margin(booster, low[mine])
        if fell.any():
            raise SystemExit(f"{name}: more rain lowered the margin of {fell.sum()} of {mine.sum()} requests")
