"""Trains LightGBM on the records of FOLDER/train.jsonl until those of valid.jsonl no longer get better, and prints its
logits of test.jsonl, as a list of JSON. A record has a label "y", a weight "w" and the values "x" of the columns that
columns.json names with their types."""

import json
import sys

import lightgbm
import numpy

folder = sys.argv[1]
columns = json.load(open(f"{folder}/columns.json"))
parts = {part: [json.loads(line) for line in open(f"{folder}/{part}.jsonl")] for part in ("train", "valid", "test")}


def codes_of(column):
    """A number for each value of a column that training has."""
    values = [record["x"][column] for record in parts["train"]]
    flat = [one for value in values for one in value] if columns[column] == "multi-categorical" else values
    return {value: code for code, value in enumerate(sorted({value for value in flat if value is not None}))}


codes = {column: codes_of(column) for column, kind in columns.items() if kind != "numeric"}


def features(record):
    """A record as numbers: a category's code, and for each value of a list whether the record has it."""
    row = []
    for column, kind in columns.items():
        value = record["x"][column]
        if kind == "multi-categorical":
            row += [float(one in value) for one in codes[column]]
        elif kind == "categorical":
            row.append(codes[column].get(value, numpy.nan))
        else:
            row.append(numpy.nan if value is None else value)
    return row


def width(column):
    return len(codes[column]) if columns[column] == "multi-categorical" else 1


starts = numpy.cumsum([0] + [width(column) for column in columns])
categorical = [int(start) for column, start in zip(columns, starts) if columns[column] == "categorical"]


def dataset(part):
    records = parts[part]
    return lightgbm.Dataset(
        numpy.array([features(record) for record in records], dtype=float),
        label=[record["y"] for record in records],
        weight=[record["w"] for record in records],
        categorical_feature=categorical,
        params={"verbosity": -1},
        free_raw_data=False,
    )


train = dataset("train")
settings = {"objective": "binary", "learning_rate": 0.05, "num_leaves": 15, "verbosity": -1, "seed": 1, "num_threads": 1}
model = lightgbm.train(
    settings,
    train,
    num_boost_round=1000,
    valid_sets=[dataset("valid").set_reference(train)],
    callbacks=[lightgbm.early_stopping(50, verbose=False)],
)
test = numpy.array([features(record) for record in parts["test"]], dtype=float)
print(json.dumps(model.predict(test, raw_score=True).tolist()))
