"""Search over the stored complaints: one way for API, console, command line, facets, exports and evaluation.

`Searcher.candidates` finds and ranks, `Searcher.run` shows a page of it, `similar` starts from a complaint.
"""

from engine.search.candidates import Candidates
from engine.search.query import MODES, BadSearch, Mode, Search
from engine.search.searcher import Searcher

__all__ = ["MODES", "BadSearch", "Candidates", "Mode", "Search", "Searcher"]
