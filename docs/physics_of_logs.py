"""How well an equation with given constants predicts logs of a real pendulum: the yardstick of docs/recordings.md.

    pip install numpy
    python docs/physics_of_logs.py 0.02 5,25,50 log1.csv log2.csv ...

Each log has the columns time, position and torque (others are not used). Position and torque are brought to even steps
as `--resample` does: means over a step. The equation

    inertia θ'' = torque − viscous θ' − coulomb tanh(θ' / 0.05) − mgl sin θ

has the constants that DFKI's underactuated lab identified. A prediction starts from the angle and the velocity that
fit the last FITTED positions best (Gauss-Newton, with the equation itself), for every window of a log after 20 steps.
Printed is the root mean square error in radians after so many steps, for the number of fitted positions that is best
over all logs, and the standard deviation of the position.
"""

import sys

import numpy as np

INERTIA, VISCOUS, COULOMB, MGL = 0.0626, 0.0471, 0.1839, 0.1022 * 9.81
FILTERED = 20
FITTED = [4, 6, 8, 12]


def even(path, step):
    """Position at the middle of even steps, and torque from one middle to the next."""
    names = open(path).readline().strip().split(",")
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    time, position, torque = (rows[:, names.index(name)] for name in ("time", "position", "torque"))
    time = time - time[0]
    usual = np.median(np.diff(time))
    middle = (np.arange(int((time[-1] + usual) / step + 1e-9)) + 0.5) * step - usual / 2
    fine = np.arange(-usual / 2, time[-1] + usual / 2, 1e-4)

    def mean(values, begin, end):
        sums = np.concatenate([[0], np.cumsum(values)]) * 1e-4
        edges = np.append(fine, fine[-1] + 1e-4)
        begin, end = np.maximum(begin, edges[0]), np.minimum(end, edges[-1])
        return (np.interp(end, edges, sums) - np.interp(begin, edges, sums)) / (end - begin)

    held = torque[np.clip(np.searchsorted(time, fine, side="right") - 1, 0, len(time) - 1)]
    lines = np.interp(fine, time, position)
    return mean(lines, middle - step / 2, middle + step / 2), mean(held, middle, middle + step)


def ahead(angle, velocity, torque, step, parts=10):
    """One step by Runge and Kutta's fourth order."""

    def change(state):
        angle, velocity = state
        force = torque - VISCOUS * velocity - COULOMB * np.tanh(velocity / 0.05) - MGL * np.sin(angle)
        return np.array([velocity, force / INERTIA])

    state, h = np.array([angle, velocity]), step / parts
    for _ in range(parts):
        a = change(state)
        b = change(state + h / 2 * a)
        c = change(state + h / 2 * b)
        state = state + h / 6 * (a + 2 * b + 2 * c + change(state + h * c))
    return state


def errors(position, torque, step, longest, fitted):
    """Errors (longest, windows) of predictions from every step after the first FILTERED."""
    last = np.arange(FILTERED, len(position) - longest) - 1
    first = last - fitted + 1

    def follow(state):
        seen = [state[0]]
        for k in range(fitted - 1):
            state = ahead(*state, torque[first + k], step)
            seen.append(state[0])
        return np.array(seen), state

    state = np.array([position[first], (position[first + 1] - position[first]) / step])
    target = np.array([position[first + k] for k in range(fitted)])
    for _ in range(6):
        seen, _ = follow(state)
        by = [(follow(state + np.array([[d], [e]]))[0] - seen) / max(d, e) for d, e in [(1e-4, 0), (0, 1e-3)]]
        aa, ab, bb = (by[0] ** 2).sum(0) + 1e-9, (by[0] * by[1]).sum(0), (by[1] ** 2).sum(0) + 1e-9
        ra, rb = ((by[i] * (target - seen)).sum(0) for i in (0, 1))
        state = state + np.array([bb * ra - ab * rb, aa * rb - ab * ra]) / (aa * bb - ab * ab)
    _, state = follow(state)
    out = []
    for k in range(longest):
        state = ahead(*state, torque[last + k], step)
        out.append(state[0] - position[last + 1 + k])
    return np.array(out)


def main():
    step, horizons = float(sys.argv[1]), [int(h) for h in sys.argv[2].split(",")]
    logs = {path: even(path, step) for path in sys.argv[3:]}
    tables = {}
    for fitted in FITTED:
        tables[fitted] = {}
        for path, log in logs.items():
            found = errors(*log, step, max(horizons), fitted)
            tables[fitted][path] = [np.sqrt((found[h - 1] ** 2).mean()) for h in horizons]
    best = min(FITTED, key=lambda fitted: np.sum(np.log(list(tables[fitted].values()))))
    print(f"fitted to the last {best} positions; steps:", *horizons)
    for path, row in tables[best].items():
        print(path, *(f"{error:.4f}" for error in row), f"std {logs[path][0].std():.3f}")


if __name__ == "__main__":
    main()
