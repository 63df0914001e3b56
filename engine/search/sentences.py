"""The static model as what finds the sentence that is nearest to a query: fifty times as fast as the full one."""

from __future__ import annotations

import logging

from engine.curate import static_model
from engine.search.explain import Encoder
from engine.settings import Settings
from models.embedder import Embedder

log = logging.getLogger("beejan.search")


def sentence_encoder(settings: Settings, full: Embedder) -> Encoder | None:
    """The static model of the embedder, in its space; None where it has not been made, or is of no use.

    Without it the sentence with most of the query's words is shown as the nearest.
    """
    from models.static_embedder import StaticModelError, load

    path = static_model.path_of(settings, full.name, full.revision)
    try:
        return load(path)
    except FileNotFoundError:
        return None
    except (StaticModelError, OSError) as error:
        log.warning("%s; nearest sentences are found by their words", error)
        return None
