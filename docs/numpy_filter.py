"""The filter of a trained model in NumPy, from an export of its weights.

    dvbf export runs/pendulum-seed0 --format safetensors --out weights.safetensors
    robot-loop runs/pendulum-seed0/best.dvbf --fast --late 0 --episodes --trace trace.csv
    python3 docs/numpy_filter.py weights.safetensors trace.csv

The script reads the file by itself (an 8-byte length, a JSON header, the values), follows the mean path
over the frames of the trace, and compares it with the states that the Rust filter wrote beside them.
It fails if they differ by more than 1e-5, relative where a state exceeds one. It needs NumPy and nothing else.
"""

import json
import struct
import sys

import numpy as np


def read(path):
    """Arrays by name, and the facts about the model."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    facts = json.loads(header.pop("__metadata__")["dvbf"])
    arrays = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        assert entry["dtype"] == "F32", name
        values = np.frombuffer(data[first:last], dtype="<f4")
        arrays[name] = values.reshape(entry["shape"]).astype(np.float64)
    return arrays, facts


class Model:
    """Shapes as in Rust: a layer has a weight (outputs, inputs) and a bias (outputs)."""

    def __init__(self, arrays, facts):
        self.arrays, self.config = arrays, facts["config"]
        self.dt, self.units, self.std_scale = facts["dt"], facts["units"], facts["std_scale"]
        self.kind = self.config["transition"]["kind"]
        if self.kind == "locally-linear":
            self.share()
        elif self.kind != "residual":
            raise NotImplementedError(f"a transition of kind {self.kind}")

    def share(self):
        """How the last components act on themselves, and the control on them, is the same everywhere."""
        shared = self.config["transition"].get("shared", 0)
        first = self.config["state"] - shared
        for name, columns in (("a", slice(first, None)), ("b", slice(None))):
            block = self.arrays[f"transition.{name}"][:, first:, columns]
            block[:] = block.mean(axis=0)

    def affine(self, name, x):
        return self.arrays[f"{name}.weight"] @ x + self.arrays[f"{name}.bias"]

    def perceptron(self, name, x):
        """Affine maps with rectifiers between them."""
        layer = 0
        while f"{name}.{layer + 1}.weight" in self.arrays:
            x = np.maximum(0.0, self.affine(f"{name}.{layer}", x))
            layer += 1
        return self.affine(f"{name}.{layer}", x)

    def transition(self, z, u, w):
        zu = np.concatenate([z, u])
        if self.kind == "residual":
            scale = np.exp(self.arrays["transition.log_scale"])
            return z + self.perceptron("transition.net", zu) + scale * w
        logits = self.perceptron("transition.mixing", zu)
        alpha = np.exp(logits - logits.max())
        alpha /= alpha.sum()
        a, b, c = (np.tensordot(alpha, self.arrays[f"transition.{n}"], 1) for n in "abc")
        return a @ z + b @ u + c @ w

    def innovation(self, x, z, u):
        """Mean and standard deviation of q(w | z, u, x')."""
        inputs = np.concatenate([x, z, u])
        hidden = np.maximum(0.0, self.affine("recognition.0", inputs))
        return self.head(self.affine("recognition.1", hidden))

    def head(self, raw):
        mean, r = np.split(raw, 2)
        return mean, np.logaddexp(0.0, r) + 1e-4

    def observe(self, z):
        """Mean and standard deviation of p(x | z), in the units of the model."""
        mean = self.perceptron("emission", z[: self.config["emission"].get("state", len(z))])
        return mean, np.broadcast_to(np.exp(self.arrays["emission.log_std"]), mean.shape)


class Filter:
    """The mean path. A missing frame is None, a missing channel NaN."""

    def __init__(self, model):
        self.model, self.start, self.state = model, [], None

    def step(self, x, u):
        model, k = self.model, self.model.config["initial_frames"]
        x, u = self.convert(x, "observation"), self.convert(u, "control")
        seen = x is not None and not np.isnan(x).all()
        x = np.nan_to_num(x) if seen else np.zeros(model.config["observation"])
        if self.state is not None:
            self.advance(x, u, seen)
            return self.state
        self.start.append((x, u, seen))
        if len(self.start) == k:
            frames = np.concatenate([x for x, _, _ in self.start])
            controls = [u for _, u, _ in self.start[1:]]
            mean, _ = model.head(
                model.perceptron("initial.recognition", np.concatenate([frames, *controls]))
            )
            self.state = model.perceptron("initial.state", mean)
            for x, u, seen in self.start[1:]:
                self.advance(x, u, seen)
        return self.state

    def advance(self, x, u, seen):
        w = np.zeros(self.model.config["noise"])
        if seen:
            w, _ = self.model.innovation(x, self.state, u)
        self.state = self.model.transition(self.state, u, w)

    def convert(self, values, kind):
        """From the units of the recordings to those of the model."""
        if values is None or self.model.units is None:
            return values
        units = self.model.units[kind]
        return (values - np.array(units["mean"])) / np.array(units["scale"])


def main(weights, trace):
    model = Model(*read(weights))
    controls, channels = model.config["control"], model.config["observation"]
    rows = np.loadtxt(trace, delimiter=",", ndmin=2)
    frames, largest, differences = Filter(model), 0.0, []
    for row in rows:
        u, x, expected = np.split(row[2:], [controls, controls + channels])
        if row[1] <= 1:
            # The first step of a sequence, or the loop gave the filter up after it.
            frames = Filter(model)
        if row[1] == 0:
            continue
        state = frames.step(x if row[0] else None, u)
        if state is not None:
            size = max(1.0, np.abs(expected).max())
            differences.append(np.abs(state - expected).max() / size)
            largest = max(largest, size)
    seen = int(rows[:, 0].sum())
    worst = max(differences, default=np.inf)
    print(f"{len(rows)} steps, {seen} with a frame, {len(differences)} states compared")
    print(f"largest difference {worst:.2e}, relative where a state exceeds one; largest {largest:.2f}")
    print(f"median difference {np.median(differences):.2e}")
    agree = worst <= 1e-5
    print("NumPy and Rust agree" if agree else "NumPy and Rust DISAGREE")
    return 0 if agree else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
