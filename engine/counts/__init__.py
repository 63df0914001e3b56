"""Facets and trends: counts over the candidates of a search, by a columnar projection of serving.complaints."""

from engine.counts.count import FACETS, INTERVALS, Counts
from engine.counts.projection import Columns, Projection

__all__ = ["FACETS", "INTERVALS", "Columns", "Counts", "Projection"]
