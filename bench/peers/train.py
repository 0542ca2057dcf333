"""A peer of `npm run bench -- train`: trains DeepFM as told, one line of JSON a command on stdin, one a reply on stdout.

    python bench/peers/train.py KIND THREADS

KIND is one of torch-sparse, torch-compile, torch-dense, fuxictr, deepctr-torch. Commands, which ../train/contestant.ts
sends: open, losses, steps, peak. All of a process's computing is done between a command and its reply.
"""
import json
import os
import resource
import sys
import time
from collections import OrderedDict

KIND, THREADS = sys.argv[1], int(sys.argv[2])
# Before anything loads a library of threads.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(THREADS)

import numpy as np
import torch
from torch import nn

torch.set_num_threads(THREADS)
torch.manual_seed(1)

# What the libraries print is not for the reader of replies.
REPLIES, sys.stdout = sys.stdout, sys.stderr
VERSIONS = {"python": sys.version.split()[0], "torch": torch.__version__}


class Records:
    """The records of a case: rows [N, F] as numbers in the table of all fields, and labels [N]."""

    def __init__(self, case, folder):
        self.rows = np.fromfile(os.path.join(folder, "rows.i32"), np.int32).reshape(-1, case["fields"])
        self.labels = np.fromfile(os.path.join(folder, "labels.u8"), np.uint8)


class Weights:
    """Initial weights: the table [V, k + 1] of all fields, whose rows are [w, v], w0, and layers as [in, out], [out]."""

    def __init__(self, case, folder):
        k, fields = case["k"], case["fields"]
        self.table = np.fromfile(os.path.join(folder, "table.f32"), np.float32).reshape(-1, k + 1)
        dense = np.fromfile(os.path.join(folder, "dense.f32"), np.float32)
        self.bias, at = dense[:1], 1
        self.layers = []
        for inputs, outputs in zip([fields * k, *case["hidden"]], [*case["hidden"], 1]):
            weights = dense[at : at + inputs * outputs].reshape(inputs, outputs)
            at += inputs * outputs
            biases = dense[at : at + outputs] if outputs > 1 else None
            at += outputs if outputs > 1 else 0
            self.layers.append((weights, biases))
        assert at == len(dense), f"got {len(dense)} dense weights, expected {at}"

    def into_linears(self, linears):
        for linear, (weights, biases) in zip(linears, self.layers, strict=True):
            copy(linear.weight, weights.T)
            if biases is not None:
                copy(linear.bias, biases)
            elif linear.bias is not None:
                copy(linear.bias, np.zeros(1, np.float32))


def copy(parameter, array):
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(array)).reshape(parameter.shape))


def linears_of(module):
    return [layer for layer in module.modules() if type(layer) is nn.Linear]


class Clock:
    """Milliseconds of each part, as ../../trainer/model/step-clock.ts has them."""

    def __init__(self):
        self.ms = {}
        self.last = time.perf_counter()

    def lap(self, part):
        now = time.perf_counter()
        self.ms[part] = self.ms.get(part, 0) + 1000 * (now - self.last)
        self.last = now


class Torch:
    """DeepFM in plain PyTorch. One table holds w and v, which is faster than two."""

    def __init__(self, case, records, weights):
        self.batch, self.k, self.fields = case["batch"], case["k"], case["fields"]
        self.rows = torch.from_numpy(records.rows.astype(np.int64))
        self.labels = torch.from_numpy(records.labels.astype(np.float32))
        sparse = KIND != "torch-dense"
        self.table = nn.Embedding(case["rows"], self.k + 1, sparse=sparse)
        nn.init.normal_(self.table.weight, std=0.01)
        layers, width = [], self.fields * self.k
        for units in case["hidden"]:
            layers += [nn.Linear(width, units), nn.ReLU()]
            if case["dropout"] > 0:
                layers.append(nn.Dropout(case["dropout"]))
            width = units
        self.mlp = nn.Sequential(*layers, nn.Linear(width, 1, bias=False))
        self.bias = nn.Parameter(torch.zeros(1))
        if weights:
            copy(self.table.weight, weights.table)
            copy(self.bias, weights.bias)
            weights.into_linears(linears_of(self.mlp))
        of_rows = torch.optim.SparseAdam if sparse else lambda p, lr: torch.optim.Adam(p, lr=lr, fused=True)
        self.row_optimizer = of_rows([self.table.weight], lr=case["learningRate"])
        self.dense_optimizer = torch.optim.Adam([self.bias, *self.mlp.parameters()], lr=case["learningRate"], fused=True)
        self.loss_of = torch.compile(self.head) if KIND == "torch-compile" else self.head
        self.batches = self.shuffled()

    def head(self, rows, labels):
        w, v = rows[..., 0], rows[..., 1:]
        sums = v.sum(1)
        pairs = 0.5 * (sums * sums - (v * v).sum(1)).sum(1)
        logits = self.bias + w.sum(1) + pairs + self.mlp(v.reshape(len(labels), -1))[:, 0]
        return nn.functional.binary_cross_entropy_with_logits(logits, labels)

    def shuffled(self):
        while True:
            order = torch.randperm(len(self.labels))
            for at in range(0, len(order) - self.batch + 1, self.batch):
                records = order[at : at + self.batch]
                yield self.rows[records], self.labels[records]

    def train(self, rows, labels, clock):
        gathered = self.table(rows)
        clock.lap("gather")
        loss = self.loss_of(gathered, labels)
        clock.lap("forward")
        self.row_optimizer.zero_grad()
        self.dense_optimizer.zero_grad()
        loss.backward()
        clock.lap("backward")
        self.row_optimizer.step()
        clock.lap("rows")
        self.dense_optimizer.step()
        value = loss.item()
        clock.lap("dense")
        return value

    def losses(self, steps):
        rows, labels = self.rows[: self.batch], self.labels[: self.batch]
        return [self.train(rows, labels, Clock()) for _ in range(steps)]

    def steps(self, count):
        clock = Clock()
        for _ in range(count):
            rows, labels = next(self.batches)
            clock.lap("input")
            self.train(rows, labels, clock)
        return clock.ms


class FuxiCtr:
    """FuxiCTR's DeepFM, of its layers and in its training step, over its loader of .npz files."""

    def __init__(self, case, records, weights):
        import fuxictr
        from fuxictr.features import FeatureMap
        from fuxictr.pytorch.dataloaders.npz_dataloader import NpzDataLoader
        from fuxictr.pytorch.layers import FactorizationMachine, FeatureEmbedding, MLP_Block
        from fuxictr.pytorch.models import BaseModel

        VERSIONS["fuxictr"] = fuxictr.__version__

        class DeepFM(BaseModel):
            def __init__(self, feature_map, **options):
                super().__init__(feature_map, **options)
                self.embeddings = FeatureEmbedding(feature_map, case["k"])
                self.fm = FactorizationMachine(feature_map)
                self.mlp = MLP_Block(
                    case["fields"] * case["k"], case["hidden"], output_dim=1, dropout_rates=case["dropout"]
                )
                self.compile("adam", "binary_crossentropy", case["learningRate"])
                self.reset_parameters()

            def forward(self, inputs):
                X = self.get_inputs(inputs)
                embeddings = self.embeddings(X)
                logits = self.fm(X, embeddings) + self.mlp(embeddings.flatten(start_dim=1))
                return {"y_pred": self.output_activation(logits)}

        names = [f"f{field}" for field in range(case["fields"])]
        features = FeatureMap("bench", ".")
        features.labels = ["label"]
        features.features = OrderedDict(
            (name, {"source": "", "type": "categorical", "vocab_size": rows_of(case, field)})
            for field, name in enumerate(names)
        )
        features.num_fields = len(names)
        features.set_column_index()
        self.model = DeepFM(features, verbose=0, model_root=".", metrics=["logloss"])
        if weights:
            for field, name in enumerate(names):
                own = weights.table[field :: case["fields"]]
                copy(self.model.embeddings.embedding_layer.embedding_layers[name].weight, own[:, 1:])
                copy(self.model.fm.lr_layer.embedding_layer.embedding_layer.embedding_layers[name].weight, own[:, 0])
            copy(self.model.fm.lr_layer.bias, weights.bias)
            weights.into_linears(linears_of(self.model.mlp))
        columns = {name: records.rows[:, field] // case["fields"] for field, name in enumerate(names)}
        path = os.path.join(case["folder"], f"fuxictr-{THREADS}.npz")
        np.savez(path, label=records.labels, **columns)
        self.first = self.loader(NpzDataLoader, features, path, case, False)
        self.batches = self.endless(self.loader(NpzDataLoader, features, path, case, True))
        self.model.train()
        self.model._max_gradient_norm = 10.0  # as `fit` sets it

    def loader(self, NpzDataLoader, features, path, case, shuffle):
        # No worker, which would be one more thread than was asked for.
        return NpzDataLoader(features, path, batch_size=case["batch"], shuffle=shuffle, num_workers=0)

    def endless(self, loader):
        while True:
            yield from loader

    def losses(self, steps):
        batch = next(iter(self.first))
        return [self.model.train_step(batch).item() for _ in range(steps)]

    def steps(self, count):
        clock = Clock()
        for _ in range(count):
            batch = next(self.batches)
            clock.lap("input")
            self.model.train_step(batch).item()
            clock.lap("step")
        return clock.ms


class DeepCtrTorch:
    """DeepCTR-Torch's DeepFM, through its `fit`."""

    def __init__(self, case, records, weights):
        import deepctr_torch
        from deepctr_torch.inputs import SparseFeat
        from deepctr_torch.models import DeepFM

        VERSIONS["deepctr-torch"] = deepctr_torch.__version__
        self.case = case
        self.names = [f"f{field}" for field in range(case["fields"])]
        columns = [SparseFeat(name, rows_of(case, field), case["k"]) for field, name in enumerate(self.names)]
        # Its L2 is over all rows in each step, so that without it it is faster.
        regularization = {"l2_reg_linear": 0, "l2_reg_embedding": 0, "l2_reg_dnn": 0}
        self.model = DeepFM(
            columns, columns, dnn_hidden_units=case["hidden"], dnn_dropout=case["dropout"], **regularization
        )
        if weights:
            for field, name in enumerate(self.names):
                own = weights.table[field :: case["fields"]]
                copy(self.model.embedding_dict[name].weight, own[:, 1:])
                copy(self.model.linear_model.embedding_dict[name].weight, own[:, 0])
            copy(self.model.out.bias, weights.bias)
            weights.into_linears([*self.model.dnn.linears, self.model.dnn_linear])
        self.model.compile(torch.optim.Adam(self.model.parameters(), lr=case["learningRate"]), "binary_crossentropy")
        self.rows, self.labels = records.rows // case["fields"], records.labels.astype(np.float32)
        self.at = 0

    def fit(self, at, count):
        size = count * self.case["batch"]
        inputs = {name: self.rows[at : at + size, field] for field, name in enumerate(self.names)}
        history = self.model.fit(inputs, self.labels[at : at + size], batch_size=self.case["batch"], verbose=0)
        return history.history["loss"][-1]

    def losses(self, steps):
        return [self.fit(0, 1) for _ in range(steps)]

    def steps(self, count):
        clock = Clock()
        size = count * self.case["batch"]
        if self.at + size > len(self.labels):
            self.at = 0
        self.fit(self.at, count)
        self.at += size
        clock.lap("step")
        return clock.ms


def rows_of(case, field):
    """Rows of one field, of which the table of all has every F-th."""
    return len(range(field, case["rows"], case["fields"]))


KINDS = {"fuxictr": FuxiCtr, "deepctr-torch": DeepCtrTorch}


def main():
    peer = None
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "open":
            case = {**command["case"], "folder": command["folder"]}
            peer = None
            weights = Weights(case, command["folder"]) if command["weights"] else None
            peer = KINDS.get(KIND, Torch)(case, Records(case, command["folder"]), weights)
            reply = {"versions": VERSIONS}
        elif command["do"] == "losses":
            reply = {"losses": peer.losses(command["count"])}
        elif command["do"] == "steps":
            started = time.perf_counter()
            parts = peer.steps(command["count"])
            reply = {"ms": 1000 * (time.perf_counter() - started), "parts": parts}
        else:
            reply = {"peakBytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
        print(json.dumps(reply), file=REPLIES, flush=True)


main()
