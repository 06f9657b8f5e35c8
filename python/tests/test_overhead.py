"""What the interpreter adds to a step."""

from overhead import overhead

import dvbf


def test_a_step_costs_little_more_than_in_rust(model: dvbf.Model) -> None:
    for samples in (0, 32):
        python, rust = overhead(model, samples)
        # Half a microsecond on an idle machine; the least of many steps hardly depends on the load.
        assert python - rust < 2e-6, (samples, python, rust)
