"""Train, calibrate, verify and write the nowcaster. See ../README.md.

    /usr/bin/python3 models/training/nowcast/train_nowcast.py --data ../shared/data/hydro --out models/nowcaster/v1
"""

from __future__ import annotations

import argparse
import concurrent.futures as futures
import dataclasses
import json
import multiprocessing
import os
import pickle
import time
import zlib
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: threads that wait for each other only get in the way

import numpy as np
import torch

import data
import evaluate
import features
import network
import samples
from data import ANCHORS

SEED = 20261125
SPLIT = 0.75  # later time of known gauges: the last quarter of each record


def columns(*sets: list[str]) -> list[int]:
    return [features.FEATURES.index(n) for s in sets for n in s]


ALL = columns(features.LEVEL, features.RAIN, features.BOTH)
MEMBERS = {
    "level_rain": network.Settings(ALL, networks=3, epochs=12, hidden=128, dropout=0.25, decay=1e-2),
    "level_rain_forecast": network.Settings(ALL, forecast=True, networks=2, epochs=6),
    "level": network.Settings(columns(features.LEVEL), networks=2, epochs=5),
    "rain": network.Settings(columns(features.RAIN), river=False, networks=2, epochs=5),
    "rain_forecast": network.Settings(columns(features.RAIN), river=False, forecast=True, networks=2, epochs=5),
}


def log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


_state: dict = {}


def setup(folder: str, recent: int = 0) -> None:
    """Runs once in each worker: the data are read and drawn there, the same in all."""
    torch.set_num_threads(1)
    stations = data.load(Path(folder))
    groups = np.array([s.group for s in stations])
    splits = [s.split(SPLIT) for s in stations]
    _state.update(
        stations=stations, groups=groups,
        whole=samples.draw(stations, SEED, recent=recent),
        early=samples.draw(stations, SEED + 1, last=splits),
        test=samples.draw(stations, SEED + 2, every=5, length=168, recent=recent),
        late=samples.draw(stations, SEED + 3, first=splits, every=3, length=168),
    )


def job(task: tuple) -> tuple:
    """Trains one member on one split and says what it thinks of the rows left out."""
    name, split = task
    torch.set_num_threads(1)
    settings, groups = MEMBERS[name], _state["groups"]
    if split == "later":
        settings = dataclasses.replace(settings, networks=2)
        rows, test = _state["early"], _state["late"]
    else:
        rows, test = _state["whole"], _state["test"]
        if split != "final":
            rows, test = rows.take(groups[rows.station] != split), test.take(groups[test.station] == split)
            settings = dataclasses.replace(settings, networks=2 if name == "level_rain" else 1)
    member = network.train(rows, groups, settings, SEED)
    if split == "final":
        return task, pickle.dumps(member), None
    return task, None, predict(member, test)


def predict(member: network.Member, test: samples.Rows) -> np.ndarray:
    """Uncalibrated distribution function, rows x KNOTS x (V around the level now, then the threshold)."""
    z = network.origin(test, member.settings.river)
    v = np.empty((len(test), len(evaluate.V) + 1))
    threshold = test.z[:, None] + features.SMALL * np.sinh(evaluate.V)
    v[:, :-1] = np.arcsinh((threshold - z[:, None]) / features.SMALL)
    v[:, -1] = np.arcsinh((1 - z) / features.SMALL)
    return member.cdf(test, network.KNOTS, v, calibrated=False).astype(np.float32)


def kept(raw: Path | None, task: tuple) -> Path | None:
    """Where --raw keeps a training; the name changes with its settings."""
    return raw and raw / f"{'-'.join(task)}-{zlib.crc32(repr((MEMBERS[task[0]], SEED, SPLIT)).encode()):08x}.pkl"


def run(folder: Path, tasks: list[tuple], workers: int, raw: Path | None) -> dict:
    setup(str(folder))
    files = {t: kept(raw, t) for t in tasks}
    out = {t: pickle.loads(f.read_bytes()) for t, f in files.items() if f and f.exists()}
    context = multiprocessing.get_context("fork")
    with futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        for task, member, below in pool.map(job, [t for t in tasks if t not in out]):
            out[task] = pickle.loads(member) if member else below
            if raw:
                files[task].write_bytes(pickle.dumps(out[task]))
            log(f"{task[0]} {task[1]}")
    return out


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args.add_argument("--out", type=Path, default=Path("models/nowcaster/v1"))
    args.add_argument("--workers", type=int, default=2)
    args.add_argument("--raw", type=Path, help="keep what the trainings said in this folder, and do not repeat those that it has")
    args.add_argument("--card", action="store_true", help="only write the card again, with the last comparison")
    args = args.parse_args()
    if args.card:
        import report
        report.quote_comparison(args.out)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    stations = data.load(args.data)
    groups = sorted({s.group for s in stations})
    tasks = [(name, split) for name in MEMBERS for split in ["final", *groups, "later"]]
    if args.raw:
        args.raw.mkdir(parents=True, exist_ok=True)
    results = run(args.data, tasks, args.workers, args.raw)
    import report
    report.write(args.out, args.data, results, _state, groups)


if __name__ == "__main__":
    main()
