"""Features of customers at a point in time, for churn models: counts, repeats, severity, by what was known then."""

from engine.features.compute import compute
from engine.features.dictionary import FEATURES, VERSION, Feature

__all__ = ["FEATURES", "VERSION", "Feature", "compute"]
