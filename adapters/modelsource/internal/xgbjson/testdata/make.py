"""Makes the fixtures of the xgbjson tests: small XGBoost models of invented data, with golden answers.

    python3 make.py

writes, beside itself, NAME.json as booster.save_model leaves it, for some NAME.ubj as well, and NAME.golden.json with
rows, the margins and the contributions that XGBoost gives them, in the order of the rows (null is a missing value).
Everything is self-made: no measurement of any place is in it. Written with xgboost 1.7.4 and numpy 1.24.
"""
import json
import pathlib

import numpy as np
import xgboost as xgb

HERE = pathlib.Path(__file__).parent

# name: (features, boosting rounds, parameters)
MODELS = {
    "depth4": (12, 40, dict(max_depth=4, tree_method="hist", base_score=0.2)),
    "depth5": (10, 25, dict(max_depth=5, tree_method="hist", base_score=0.5)),
    # Splits on exact values rather than on bin edges, so that rows meet their thresholds; gamma prunes,
    # which leaves deleted nodes in the file.
    "pruned": (8, 30, dict(max_depth=6, tree_method="exact", gamma=3.0, base_score=0.7)),
    # Deep and ragged: few nodes, long paths.
    "deep": (6, 6, dict(max_depth=16, max_leaves=60, grow_policy="lossguide", tree_method="hist",
                        min_child_weight=0.1, base_score=0.4)),
    # Labels without a signal and a high price for splits: trees of a single leaf.
    "stumps": (3, 4, dict(max_depth=3, tree_method="exact", gamma=1e6, base_score=0.35)),
    # Boosted forests: several trees per round.
    "forest": (7, 5, dict(max_depth=3, tree_method="hist", num_parallel_tree=4, subsample=0.7,
                          colsample_bynode=0.7, base_score=0.5)),
    # A split may leave no row on one side: the last tree's first leaf has the cover 0, see uncover.
    "uncovered": (5, 6, dict(max_depth=3, tree_method="exact", base_score=0.5)),
}


BINARY = ("depth4", "stumps")


def uncover(booster, path):
    """Take the cover of one leaf away and give it to its sibling, as XGBoost writes a leaf that no row reached."""
    model = json.loads(path.read_text())
    tree = model["learner"]["gradient_booster"]["model"]["trees"][-1]
    cover, left, right = tree["sum_hessian"], tree["left_children"], tree["right_children"]
    leaf = next(i for i, child in enumerate(left) if child == -1)
    parent = tree["parents"][leaf]
    sibling = right[parent] if left[parent] == leaf else left[parent]
    cover[sibling] = cover[parent]
    cover[leaf] = 0.0
    path.write_text(json.dumps(model, separators=(",", ":")))
    return xgb.Booster(model_file=path)


def data(rng, rows, features):
    x = rng.normal(size=(rows, features))
    x[:, 0] = np.round(x[:, 0] * 4) / 4  # ties
    x[:, 1] = np.maximum(0, x[:, 1])  # many zeros, as rain has
    x = x.astype(np.float32)
    logit = 1.5 * x[:, 0] + np.sin(2 * x[:, 1]) * x[:, 2] - 0.5
    y = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    x[rng.random(x.shape) < 0.12] = np.nan
    return x, y


def main():
    for i, (name, (features, rounds, params)) in enumerate(MODELS.items()):
        rng = np.random.default_rng(100 + i)
        names = [f"feature_{k}" for k in range(features)]
        x, y = data(rng, 1500, features)
        booster = xgb.train(
            dict(objective="binary:logistic", eta=0.2, seed=i, nthread=1, **params),
            xgb.DMatrix(x, label=y, feature_names=names), rounds)
        booster.save_model(HERE / f"{name}.json")
        if name == "uncovered":
            booster = uncover(booster, HERE / f"{name}.json")
        if name in BINARY:
            booster.save_model(HERE / f"{name}.ubj")
        rows, _ = data(rng, 40, features)
        rows[:10] = x[:10]
        rows[0] = np.nan
        golden = xgb.DMatrix(rows, feature_names=names)
        margins = booster.predict(golden, output_margin=True)
        contributions = booster.predict(golden, pred_contribs=True)
        json.dump({
            "rows": [[None if np.isnan(v) else float(v) for v in row] for row in rows],
            "margins": [float(v) for v in margins],
            # The last column is the bias.
            "contributions": [[float(np.float32(v)) for v in row] for row in contributions],
        }, open(HERE / f"{name}.golden.json", "w"), separators=(",", ":"))


if __name__ == "__main__":
    main()
