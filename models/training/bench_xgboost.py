"""Times XGBoost's own single-threaded prediction, the yardstick of domain/trees.

    python3 models/training/bench_xgboost.py MODEL.json ROWS [--save-rows FILE]

prints nanoseconds per row, median and minimum of many repetitions, for
  inplace   Booster.inplace_predict on a numpy array: what a service would call;
  dmatrix   Booster.predict on a DMatrix that exists already, a fresh one each time, because XGBoost
            remembers the predictions of a DMatrix it has seen;
  contribs  Booster.predict(pred_contribs=True): exact Shapley values, the same algorithm's answers.

Rows are invented: each value lies near a random threshold of its feature, so that paths differ, and one in
ten is missing. --save-rows writes them as little-endian float32, row by row, for the Go benchmark:

    GUARDY_BENCH_MODEL=MODEL.json GUARDY_BENCH_ROWS=FILE \\
        go test ./adapters/modelsource/internal/xgbjson -run '^$' -bench ModelFile

Time is that of the calling thread's processor, so that other load on the machine counts less.
"""
import argparse
import json
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import xgboost as xgb  # noqa: E402


def rows_near_thresholds(model, rows, seed=1):
    learner = model["learner"]
    features = int(learner["learner_model_param"]["num_feature"])
    thresholds = [[] for _ in range(features)]
    for tree in learner["gradient_booster"]["model"]["trees"]:
        for feature, value, left in zip(tree["split_indices"], tree["split_conditions"], tree["left_children"]):
            if left >= 0:
                thresholds[feature].append(value)
    rng = np.random.default_rng(seed)
    x = np.zeros((rows, features), dtype=np.float32)
    for f, values in enumerate(thresholds):
        if values:
            spread = np.std(values) or 1.0
            x[:, f] = rng.choice(values, rows) + 0.1 * spread * rng.normal(size=rows)
    x[rng.random(x.shape) < 0.1] = np.nan
    return x


def measure(prepare, run, seconds=4.0):
    """Returns the sorted times of run(prepare()), in nanoseconds; prepare is not timed."""
    times, start = [], time.monotonic()
    while len(times) < 9 or time.monotonic() - start < seconds:
        prepared = prepare()
        before = time.thread_time_ns()
        run(prepared)
        times.append(time.thread_time_ns() - before)
    return sorted(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("rows", type=int)
    parser.add_argument("--save-rows")
    args = parser.parse_args()

    with open(args.model) as f:
        model = json.load(f)
    booster = xgb.Booster(params={"nthread": 1}, model_file=args.model)
    names = booster.feature_names
    x = rows_near_thresholds(model, args.rows)
    if args.save_rows:
        x.astype("<f4").tofile(args.save_rows)

    def matrix():
        return xgb.DMatrix(x, feature_names=names, nthread=1)

    for name, prepare, run in (
        ("inplace", lambda: x, lambda d: booster.inplace_predict(d, predict_type="margin")),
        ("dmatrix", matrix, lambda d: booster.predict(d, output_margin=True)),
        ("contribs", matrix, lambda d: booster.predict(d, pred_contribs=True)),
    ):
        times = measure(prepare, run)
        print(f"{name:9} {args.rows:6} rows  median {statistics.median(times) / args.rows:9.0f} ns/row"
              f"  min {times[0] / args.rows:9.0f} ns/row  ({len(times)} runs, xgboost {xgb.__version__})")


if __name__ == "__main__":
    main()
