"""Simulated hours of a channel, with a daily and a weekly rhythm and more variation than chance alone."""

from collections import Counter

import numpy as np

from engine.quality.hours import HOUR_S, Hour

#: Monday 5 January 2026, 00:00 UTC, in hours since the epoch.
MONDAY = 1_767_571_200 // HOUR_S

LANGUAGES = {"eng": 0.5, "pcm": 0.25, "hau": 0.12, "yor": 0.08, "ibo": 0.05}
CATEGORIES = {"network": 0.4, "billing": 0.3, "service": 0.2, "device": 0.1}


def rate(hour, base):
    """Expected complaints: a night a tenth of the day's height, weekends half."""
    day = 0.1 + 0.9 * max(0.0, np.sin(np.pi * ((hour % 24) - 6) / 16)) if 6 <= hour % 24 <= 22 else 0.1
    return base * day * (0.5 if (hour - MONDAY) // 24 % 7 >= 5 else 1.0)


def hour_of(channel, hour, rng, base=80, languages=LANGUAGES, customers=0.8):
    """An hour's counts, negative binomial with variance mean + mean squared / 20."""
    mean = rate(hour, base)
    rows = int(rng.poisson(rng.gamma(20, mean / 20)))
    made = Hour(channel, hour, watched=True, rows=rows, live=rows)
    if rows:
        made.newest = made.last = (hour + rng.uniform(0.8, 1.0)) * HOUR_S
    made.given = Counter(customer_id=int(rng.binomial(rows, customers)), time_given=rows, region=rows)
    for column, mix in (("language", languages), ("category", CATEGORIES)):
        counts = rng.multinomial(rows, list(mix.values()))
        setattr(made, column, Counter({k: int(n) for k, n in zip(mix, counts, strict=True) if n}))
    return made
