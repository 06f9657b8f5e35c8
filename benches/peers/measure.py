"""What both scripts share: sizes, arguments, data, first parameters, timing, the check.

Imports neither JAX nor PyTorch: threads are restricted before either of them is loaded.
"""

import argparse
import json
import os
import statistics
import sys
import time

import numpy as np

# X observed channels, U controls, A hidden units of the mixing network, K first frames.
X, U, A, K = 256, 1, 64, 5
EMISSION_STD, CLIP, RATE = 0.1, 10.0, 1e-3
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
STD_FLOOR = 1e-4

# B sequences, T frames, H hidden units, Z = W state and noise, M base matrices.
SIZES = {
    "a": dict(B=500, T=15, H=128, Z=3, M=16),
    "b": dict(B=32, T=15, H=128, Z=3, M=16),
    "c": dict(B=128, T=50, H=256, Z=16, M=32),
}


def options(system, modes=None, sizes=SIZES):
    """The arguments; restricts this process to as many cores as threads."""
    parser = argparse.ArgumentParser(description=f"Times the training step in {system}.")
    parser.add_argument("--size", action="append", choices=list(sizes), help="may be given more than once; all without")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="time to measure for")
    parser.add_argument("--turns", action="store_true",
                        help="print `ready`, then measure once for every line of standard input; one size")
    parser.add_argument("--check", metavar="FILE.npz", action="append",
                        help="compare loss and gradients in double precision with golden values instead")
    if modes:
        parser.add_argument("--mode", choices=modes, default=modes[0])
    args = parser.parse_args()
    args.size = args.size or list(sizes)
    if args.turns and len(args.size) != 1:
        parser.error("--turns needs exactly one --size")
    if args.threads < 1:
        parser.error("--threads must be at least 1")
    if not args.check:
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(args.threads)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    return args


def data(size):
    """Frames `(T, B, X)` of uniform and controls `(T, B, U)` of normal noise."""
    rng = np.random.default_rng(0)
    shape = SIZES[size]
    frames = rng.random((shape["T"], shape["B"], X), dtype=np.float32)
    controls = rng.standard_normal((shape["T"], shape["B"], U), dtype=np.float32)
    return frames, controls


def first_parameters(size):
    """Named as in the golden files; `ln σ` of the emission is a constant and not among them."""
    H, Z, M = (SIZES[size][name] for name in "HZM")
    rng = np.random.default_rng(1)
    p = {}

    def linear(name, outputs, inputs, gain):
        p[f"{name}.weight"] = rng.normal(size=(outputs, inputs)) * gain / np.sqrt(inputs)
        p[f"{name}.bias"] = np.zeros(outputs)

    root = np.sqrt(2.0)
    linear("initial.recognition.0", H, K * X + (K - 1) * U, root)
    linear("initial.recognition.1", 2 * Z, H, 0.3)
    linear("initial.state.0", H, Z, root)
    linear("initial.state.1", Z, H, 1.0)
    linear("recognition.0", H, X + Z + U, root)
    linear("recognition.1", 2 * Z, H, 0.3)
    linear("transition.mixing.0", A, Z + U, root)
    linear("transition.mixing.1", M, A, 1.0)
    p["transition.a"] = np.eye(Z) + 0.05 * rng.normal(size=(M, Z, Z))
    p["transition.b"] = 0.1 * rng.normal(size=(M, Z, U))
    p["transition.c"] = 0.3 * np.eye(Z) + 0.02 * rng.normal(size=(M, Z, Z))
    linear("emission.0", H, Z, root)
    linear("emission.1", X, H, 1.0)
    return {name: value.astype(np.float32) for name, value in p.items()}


def run(args, system, step_for):
    """Times every size, or takes turns; `step_for(size)` gives a function that does one step."""
    for size in args.size:
        start = time.perf_counter()
        step = step_for(size)
        step()
        first = time.perf_counter() - start
        for _ in range(5):
            step()
        answer(args, lambda: turn(args, system, size, step, first))


def answer(args, line):
    """Prints the line of one turn; with `--turns`, `ready` and then a line for each line of standard input."""
    if not args.turns:
        print(line(), flush=True)
        return
    print("ready", flush=True)
    for _ in sys.stdin:
        print(line(), flush=True)


def turn(args, system, size, step, first):
    times, begin = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < args.seconds:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return json.dumps(dict(system=system, size=size, threads=args.threads, steps=len(times),
                           median_ms=round(statistics.median(times), 4), min_ms=round(min(times), 4),
                           first_step_s=round(first, 1)))


def check(path, loss_and_gradients):
    """Compares with a golden file; `loss_and_gradients(p, x, u, mask, eps, c, k)` is time-major."""
    golden = np.load(path)
    p = {name.removeprefix("param/"): golden[name] for name in golden.files if name.startswith("param/")}
    x, u = (golden[name].swapaxes(0, 1) for name in ("x", "u"))
    mask = golden["mask"].T
    # The path that is timed takes no mask; it is the one to check where everything was seen.
    mask = None if mask.all() else mask
    k, c = int(golden["initial_frames"]), float(golden["temper"])
    loss, gradients = loss_and_gradients(p, x, u, mask, golden["eps"], c, k)
    expected = {name.removeprefix("grad/"): golden[name] for name in golden.files if name.startswith("grad/")}
    if set(gradients) != set(expected):
        raise SystemExit(f"{path}: other parameters than {sorted(expected)}")
    worst = ("loss", abs(float(loss) - float(golden["loss"])) / abs(float(golden["loss"])))
    for name, want in expected.items():
        got = np.asarray(gradients[name])
        if got.shape != want.shape:
            raise SystemExit(f"{path}: {name} has shape {got.shape} instead of {want.shape}")
        # Relative to the value, or to the scale of its array where terms cancel.
        error = np.abs(got - want) / np.maximum(np.abs(want), 1e-3 * np.abs(want).max())
        # Not a number is as wrong as can be, and would lose every comparison.
        error = float(np.nan_to_num(error, nan=np.inf).max())
        worst = max(worst, (name, error), key=lambda pair: pair[1])
    print(f"{path}: loss and {len(expected)} gradients, largest relative error {worst[1]:.1e} ({worst[0]})")
    if not worst[1] < 1e-6:
        raise SystemExit(f"{path}: does not agree to 1e-6")
