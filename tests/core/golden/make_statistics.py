#!/usr/bin/env python3
"""Writes statistics.json: what scipy and statsmodels say about fixed paired samples. Never imports this project.

    python3 make_statistics.py > statistics.json      (scipy and statsmodels from PyPI; versions are recorded in the file)
"""
import json

import numpy
import scipy
import statsmodels
from scipy import stats
from scipy.optimize import brentq
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

rng = numpy.random.default_rng(20240611)
pairs = []
for n, shift, scale in [(3, 0.5, 1.0), (3, 0.0, 0.02), (4, -2.0, 0.7), (5, 0.01, 0.3), (8, 0.2, 0.2), (20, 0.05, 0.5),
                        (100, 0.01, 0.1)]:
    baseline = numpy.round(rng.normal(86, 1.5, n), 4)
    cell = numpy.round(baseline + rng.normal(shift, scale, n), 4)
    difference = cell - baseline
    test = stats.ttest_rel(cell, baseline)
    interval = test.confidence_interval(0.95)
    # solve_power stops early, so its root is refined to the last digits on statsmodels' own power function.
    power = TTestPower()
    near = float(power.solve_power(effect_size=None, nobs=n, alpha=0.05, power=0.8, alternative="two-sided"))
    effect = brentq(lambda size: power.power(size, n, 0.05, alternative="two-sided") - 0.8, 0.99 * near, 1.01 * near)
    pairs.append({
        "cell": cell.tolist(), "baseline": baseline.tolist(), "mean": difference.mean(),
        "deviation": difference.std(ddof=1), "p": test.pvalue, "low": interval.low, "high": interval.high,
        "smallest_detectable": float(effect) * difference.std(ddof=1)})

families = []
for p in ([0.01], [0.04, 0.01, 0.03, 0.5], [0.001, 0.001, 0.9, 1.0, 0.02], rng.uniform(0, 0.2, 12).round(5).tolist()):
    families.append({"p": p, "holm": multipletests(p, method="holm")[1].tolist(),
                     "benjamini_hochberg": multipletests(p, method="fdr_bh")[1].tolist()})

print(json.dumps({"generator": "tests/core/golden/make_statistics.py",
                  "versions": {"numpy": numpy.__version__, "scipy": scipy.__version__,
                               "statsmodels": statsmodels.__version__},
                  "pairs": pairs, "families": families}, indent=1))
