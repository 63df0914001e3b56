"""Daily and weekly reports: figures of a period that is over, as one HTML file with its plots, also by mail."""

from engine.report.figures import KINDS, figures, period
from engine.report.html import page

__all__ = ["KINDS", "figures", "page", "period"]
