"""Draws docs/scarce.svg: open-loop error over 45 frames against training sequences.

    python3 docs/scarce.py FOLDER > docs/scarce.svg

FOLDER holds finished runs named KIND-SEQUENCES-SEED, with KIND physics, waves, remainder or network, and
comparisons named linear-SEQUENCES. With `--table` it prints medians and worst cases instead. Needs nothing
but Python.
"""

import json
import math
import pathlib
import statistics
import sys

COLORS = {
    "physics": "#1f6fb4",
    "waves": "#2a9d8f",
    "remainder": "#8a4fb0",
    "network": "#d1602b",
    "linear": "#777777",
}
NAMES = {
    "physics": "the equation, constants learned",
    "waves": "the equation, waves, start refined",
    "remainder": "the equation and a learned force",
    "network": "the network",
    "linear": "linear",
}
WIDTH, HEIGHT, LEFT, TOP = 640, 380, 70, 20


def read(folder):
    """Errors over 45 frames, by kind and number of sequences."""
    points = {}
    for path in sorted(pathlib.Path(folder).glob("*-*-*/summary.json")):
        kind, sequences, _ = path.parent.name.split("-")
        error = json.loads(path.read_text())["open_loop"]["45"]["model"]
        points.setdefault(kind, {}).setdefault(int(sequences), []).append(error)
    for path in sorted(pathlib.Path(folder).glob("linear-*/compare.json")):
        sequences = int(path.parent.name.split("-")[1])
        rows = json.loads(path.read_text())["rows"]
        errors = [row["figures"]["open_loop"]["45"] for row in rows]
        points.setdefault("linear", {})[sequences] = errors
    return points


def table(points):
    for kind in NAMES:
        for sequences, errors in sorted(points.get(kind, {}).items(), reverse=True):
            middle, worst = statistics.median(errors), max(errors)
            print(f"{kind:10} {sequences:4} {middle:.5f} worst {worst:.5f} of {len(errors)}")


def draw(points):
    x = lambda n: LEFT + (math.log10(n) - 1) / (math.log10(500) - 1) * (WIDTH - LEFT - 20)
    y = lambda e: TOP + (-1.5 - math.log10(e)) / 2.5 * (HEIGHT - TOP - 50)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for error in (0.01, 0.001, 0.0001):
        out.append(f'<path d="M{LEFT} {y(error):.1f}H{WIDTH - 20}" stroke="#e0e3e6"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(error) + 4:.1f}" text-anchor="end">{error:g}</text>')
    for n in (10, 20, 50, 100, 500):
        out.append(f'<text x="{x(n):.1f}" y="{HEIGHT - 28}" text-anchor="middle">{n}</text>')
    out.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">'
               "training sequences of 15 frames</text>")
    kinds = [kind for kind in NAMES if kind in points]
    for row, kind in enumerate(kinds):
        by_size = points[kind]
        color, sizes = COLORS[kind], sorted(by_size)
        line = " ".join(f"{x(n):.1f},{y(statistics.median(by_size[n])):.1f}" for n in sizes)
        out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        for n in sizes:
            for error in by_size[n]:
                out.append(f'<circle cx="{x(n):.1f}" cy="{y(error):.1f}" r="3.5" fill="{color}" '
                           'fill-opacity="0.7"/>')
        out.append(f'<text x="{WIDTH - 24}" y="{TOP + 50 + 16 * row}" text-anchor="end" '
                   f'fill="{color}">{NAMES[kind]}</text>')
    print("\n".join(out) + "\n</svg>")


if __name__ == "__main__":
    found = read(sys.argv[-1])
    table(found) if "--table" in sys.argv else draw(found)
