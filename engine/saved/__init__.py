"""Saved searches as standing queries: every new complaint is held against all of them.

`standing` decides what matches, `watch` finds the new complaints, `book` keeps matches until they are delivered,
`deliver` sends them, `keep` runs it beside the surge watcher.
"""

from engine.saved.standing import Saved, Standing, calibrated

__all__ = ["Saved", "Standing", "calibrated"]
