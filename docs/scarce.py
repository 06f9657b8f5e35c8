"""Draws docs/scarce.svg: open-loop error over 45 frames against training sequences.

    python3 docs/scarce.py FOLDER > docs/scarce.svg

FOLDER holds finished runs named KIND-SEQUENCES-SEED, with KIND physics or network. Needs nothing but
Python.
"""

import json
import math
import pathlib
import statistics
import sys

COLORS = {"physics": "#1f6fb4", "network": "#d1602b"}
NAMES = {"physics": "the equation, constants learned", "network": "the network"}
WIDTH, HEIGHT, LEFT, TOP = 640, 340, 70, 20


def main(folder):
    points = {}
    for path in sorted(pathlib.Path(folder).glob("*-*-*/summary.json")):
        kind, sequences, _ = path.parent.name.split("-")
        error = json.loads(path.read_text())["open_loop"]["45"]["model"]
        points.setdefault(kind, {}).setdefault(int(sequences), []).append(error)
    x = lambda n: LEFT + (math.log10(n) - 1) / (math.log10(500) - 1) * (WIDTH - LEFT - 20)
    y = lambda e: TOP + (-1.5 - math.log10(e)) / 2.6 * (HEIGHT - TOP - 50)
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
    for row, (kind, by_size) in enumerate(sorted(points.items(), reverse=True)):
        color, sizes = COLORS[kind], sorted(by_size)
        line = " ".join(f"{x(n):.1f},{y(statistics.median(by_size[n])):.1f}" for n in sizes)
        out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        for n in sizes:
            for error in by_size[n]:
                out.append(f'<circle cx="{x(n):.1f}" cy="{y(error):.1f}" r="3.5" fill="{color}" '
                           'fill-opacity="0.7"/>')
        out.append(f'<text x="{WIDTH - 24}" y="{TOP + 14 + 18 * row}" text-anchor="end" '
                   f'fill="{color}">{NAMES[kind]}</text>')
    print("\n".join(out) + "\n</svg>")


if __name__ == "__main__":
    main(sys.argv[1])
