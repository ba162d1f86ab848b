"""Trains the isolation forest of the anomaly detector on the features that the detector itself works out.

    /usr/bin/python3 models/training/anomaly/train_forest.py --out models/anomaly_detector/v1

run at the root of the repository with the development data beside it, writes forest.json and
forest_golden.json, the same bytes on the same library versions, and prints what the forest adds to the tests
(--evaluate). It needs Go, numpy and scikit-learn 1.2 (Debian 12: python3-sklearn).
"""

import argparse
import csv
import gzip
import json
import math
import os
import subprocess
import tempfile

import numpy as np
from sklearn.ensemble import IsolationForest

SEED = 20261125
TREES = 64
ROWS = 128  # of the sample that a tree is grown on
PER_SERIES = 1500  # rows that one variable of one device may have, so that no sensor rules the pool
SUSPECT, FAIL = 0.99, 0.999  # quantiles of the pool's scores from which the flag says so
META = 8  # columns before the features


def features(path):
    """Runs the detector over the development data and writes its features to path."""
    env = dict(os.environ, GUARDY_TEST_ANOMALY_FEATURES=path)
    subprocess.run(
        ["go", "test", "./app/cmd/guardy/internal/qcskill", "-run", "^TestFeatures$", "-count=1"],
        env=env, check=True, stdout=subprocess.DEVNULL)


class Rows:
    """The exported rows: series is the index of set, device and variable in names."""

    def __init__(self, path):
        names, series, labelled, label, detected, score, x = {}, [], [], [], [], [], []
        with gzip.open(path, "rt") as file:
            reader = csv.reader(file)
            self.columns = next(reader)[META:]
            missing = [math.nan] * len(self.columns)
            for row in reader:
                series.append(names.setdefault(tuple(row[:3]), len(names)))
                labelled.append(row[4] == "1")
                label.append(row[5] == "1")
                detected.append(row[6] == "1")
                score.append(float(row[7]))
                x.append([float(v) for v in row[META:]] if row[META] else missing)
        self.names = list(names)
        self.series, self.score = np.array(series), np.array(score)
        self.labelled, self.label, self.detected = np.array(labelled), np.array(label), np.array(detected)
        self.x = np.array(x, dtype=np.float32)
        self.asked = ~np.isnan(self.x[:, 0])

    def pool(self, use):
        """Returns the rows of the series in use, at most PER_SERIES of each."""
        rng = np.random.default_rng(SEED)
        parts = []
        for s in use:
            rows = np.flatnonzero((self.series == s) & self.asked)
            if len(rows) > PER_SERIES:
                rows = np.sort(rng.choice(rows, PER_SERIES, replace=False))
            parts.append(rows)
        return self.x[np.concatenate(parts)]


def fit(x):
    return IsolationForest(n_estimators=TREES, max_samples=ROWS, random_state=SEED).fit(x)


def average_path(n):
    """c(n) of Liu, Ting and Zhou (2008), as scikit-learn computes it."""
    if n <= 1:
        return 0.0
    if n == 2:
        return 1.0
    return 2 * (math.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n


def export_tree(tree):
    """Returns a tree in preorder: the left child of a split is the next node."""
    out = {"feature": [], "threshold": [], "right": [], "path": [], "rows": []}

    def visit(node, depth):
        at = len(out["rows"])
        out["rows"].append(int(tree.n_node_samples[node]))
        leaf = tree.children_left[node] < 0
        out["feature"].append(-1 if leaf else int(tree.feature[node]))
        out["path"].append(round(depth + average_path(int(tree.n_node_samples[node])), 9) if leaf else 0)
        out["right"].append(0)
        if leaf:
            out["threshold"].append(0)
            return
        # scikit-learn goes left for x <= t with x in float32; the service for x < threshold.
        below = np.float32(tree.threshold[node])
        if float(below) > tree.threshold[node]:
            below = np.nextafter(below, np.float32(-np.inf))
        out["threshold"].append(float(str(np.nextafter(below, np.float32(np.inf)))))
        visit(tree.children_left[node], depth + 1)
        out["right"][at] = len(out["rows"])
        visit(tree.children_right[node], depth + 1)

    visit(0, 0)
    return out


def widen(b):
    w = b.copy()
    w[1:] |= b[:-1]
    w[:-1] |= b[1:]
    return w


def runs(b):
    """Returns the first and one past the last index of every run of b."""
    edge = np.flatnonzero(np.diff(np.concatenate([[0], b.astype(np.int8), [0]])))
    return edge.reshape(-1, 2)


def count(label, detected):
    """Counts as package qcskill does: TP, FP, FN, label events, hit, episodes, right ones, readings."""
    wl, wd = widen(label), widen(detected)
    tp = fp = fn = 0
    for a, b in runs(wl | wd):
        cut = [a]
        for i in range(a + 1, b):
            if (wl[i - 1] and not wl[i] and wd[i] and not wd[i - 1]) or (wd[i - 1] and not wd[i] and wl[i] and not wl[i - 1]):
                cut.append(i)
        for i, j in zip(cut, cut[1:] + [b]):
            has_label, has_detected = wl[i:j].any(), wd[i:j].any()
            tp, fp, fn = tp + (has_label and has_detected), fp + (not has_label), fn + (not has_detected)
    events, episodes = runs(label), runs(detected)
    hit = sum(wd[a:b].any() for a, b in events)
    right = sum(wl[a:b].any() for a, b in episodes)
    return np.array([tp, fp, fn, len(events), hit, len(episodes), right, len(label)])


def figures(c):
    tp, fp, fn, events, hit, episodes, right, readings = c
    recall, precision = hit / max(1, events), right / max(1, episodes)
    return {
        "event_f2": round(5 * tp / max(1, 5 * tp + 4 * fn + fp), 3),
        "strict_f1": round(2 * recall * precision / max(1e-9, recall + precision), 3),
        "false_per_1000": round(1000 * (episodes - right) / max(1, readings), 3),
    }


def scores(rows, forest_of):
    """Scores every asked row of the Logan River by the forest of its site; 0 elsewhere."""
    out = np.zeros(len(rows.score))
    for site in sorted({n[1] for n in rows.names if n[0] == "logan"}):
        mine = [s for s, n in enumerate(rows.names) if n[0] == "logan" and n[1] == site]
        at = np.flatnonzero(np.isin(rows.series, mine) & rows.asked)
        out[at] = -forest_of(site).score_samples(rows.x[at])
    return out


def evaluate(rows):
    """Prints what the forest would add at sites that neither it nor the tunings have seen."""
    def blind(site):
        return fit(rows.pool([s for s, n in enumerate(rows.names) if not n[1].startswith(site)]))

    isolation = scores(rows, blind)
    ratio = rows.score / np.maximum(1e-9, 1 - rows.score)
    series = [s for s, n in enumerate(rows.names) if n[0] == "logan"]

    def total(decide, variables):
        c = 0
        for s in series:
            if rows.names[s][2] in variables:
                at = np.flatnonzero((rows.series == s) & rows.labelled)
                c = c + count(rows.label[at], decide[at])
        return figures(c)

    four = ("temp", "cond", "ph", "do")
    six = four + ("turb", "stage")
    rules = {"tests alone": rows.detected}
    for low in (0.3, 0.5, 0.7):
        for s in (0.6, 0.65, 0.7, 0.75):
            rules[f"or score >= {s} and ratio >= {low}"] = rows.detected | ((isolation >= s) & (ratio >= low))
    for high in (1.1, 1.3, 2):
        for s in (0.4, 0.45, 0.5, 0.55):
            rules[f"but not score < {s} and ratio < {high}"] = rows.detected & ~(rows.asked & (isolation < s) & (ratio < high))
    for name, decide in rules.items():
        print(f"{name:40s} 4 variables {total(decide, four)}  6 variables {total(decide, six)}")
    auc(rows, isolation)


def auc(rows, isolation):
    """Prints how well the score alone ranks labelled values among those that stand out."""
    at = rows.asked & rows.labelled & (isolation > 0)
    order = np.argsort(isolation[at], kind="stable")
    rank = np.empty(len(order))
    rank[order] = np.arange(1, len(order) + 1)
    positive = rows.label[at]
    n = positive.sum()
    area = (rank[positive].sum() - n * (n + 1) / 2) / (n * (len(order) - n))
    print(f"area under the curve of the score among values that stand out: {area:.3f} ({n} of {len(order)} labelled)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", help="folder of the artifact")
    parser.add_argument("--features", help="features written before")
    parser.add_argument("--evaluate", action="store_true")
    args = parser.parse_args()
    path = args.features or os.path.join(tempfile.mkdtemp(), "features.csv.gz")
    if not args.features:
        features(path)
    rows = Rows(path)
    if args.evaluate:
        evaluate(rows)
    if not args.out:
        return
    pool = rows.pool(range(len(rows.names)))
    forest = fit(pool)
    score = -forest.score_samples(pool)
    spec = {
        "format": 1,
        "features": rows.columns,
        "rows": ROWS,
        "suspect": round(float(np.quantile(score, SUSPECT)), 4),
        "fail": round(float(np.quantile(score, FAIL)), 4),
        "trees": [export_tree(t.tree_) for t in forest.estimators_],
    }
    rng = np.random.default_rng(SEED)
    golden = pool[np.sort(rng.choice(len(pool), 200, replace=False))]
    write(os.path.join(args.out, "forest.json"), spec)
    write(os.path.join(args.out, "forest_golden.json"), {
        "rows": [{"features": [float(str(v)) for v in x], "score": s}
                 for x, s in zip(golden, (-forest.score_samples(golden)).tolist())],
    })


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
