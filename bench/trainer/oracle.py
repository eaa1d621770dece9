"""Trains XGBoost on the files that compare.ts prepared and judges our models with it.

usage: oracle.py TASKS.json RESULTS.json
Needs numpy, pandas and xgboost 1.7 (Debian: python3-pandas python3-xgboost).
"""
import json
import sys

import numpy as np
import pandas as pd
import xgboost as xgb


def matrix(path, names=True):
    frame = pd.read_csv(path)
    y = frame.pop("label").to_numpy()
    return xgb.DMatrix(frame.to_numpy(np.float32), y, feature_names=list(frame.columns) if names else None), y


def one_vs_rest(scores, y, classes):
    """Unweighted mean of the one-vs-rest AUCs (Mann-Whitney, ties count half) over the classes in y."""
    areas = []
    for k in range(classes):
        positive = y == k
        if not positive.any() or positive.all():
            continue
        ranks = pd.Series(scores[:, k]).rank().to_numpy()
        n1, n0 = positive.sum(), (~positive).sum()
        areas.append((ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
    return float(np.mean(areas))


def judge(booster, data, y, metrics, classes):
    booster.set_param([("eval_metric", m) for m in metrics] + [("disable_default_eval_metric", 1), ("nthread", 1)])
    text = booster.eval_set([(data, "x")])
    values = {part.rsplit(":", 1)[0][2:]: float(part.rsplit(":", 1)[1]) for part in text.split("\t")[1:]}
    if classes:
        values["macro_auc"] = one_vs_rest(booster.predict(data), y, classes)
    # NaN (the AUC of a test set that lacks a class) is no JSON.
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def run(task):
    train, _ = matrix(task["train"])
    test, y = matrix(task["test"])
    params = {**task["params"], "tree_method": "hist", "nthread": 1}
    theirs = xgb.train(params, train, task["num_round"])
    ours = xgb.Booster(model_file=task["model"])
    classes = int(params.get("num_class", 0))
    probes, _ = matrix(task["probes"])
    expected = np.fromfile(task["margins"], "<f4")
    got = ours.predict(probes, output_margin=True).ravel()
    return {
        "name": task["name"],
        "seed": task["seed"],
        "xgboost": judge(theirs, test, y, task["metrics"], classes),
        "ours": judge(ours, test, y, task["metrics"], classes),
        "marginRows": probes.num_row(),
        "maxMarginDifference": float(np.max(np.abs(got.astype("f8") - expected))),
        "differentBits": int(np.sum(got.view("u4") != expected.view("u4"))),
    }


def main():
    with open(sys.argv[1]) as file:
        tasks = json.load(file)
    results = {"xgboost": xgb.__version__, "results": [run(task) for task in tasks]}
    with open(sys.argv[2], "w") as file:
        json.dump(results, file)


main()
