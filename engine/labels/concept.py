"""A concept from a few examples: a prototype and terms, what they match, and a proposal for the taxonomy.

Nothing is stored: the proposal goes into the taxonomy's file, where it is reviewed as code is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.labels.desk import Desk
from models.lexicon import tokens_of

#: A prototype of examples that are not alike would match everything.
LEAST_COSINE = 0.3
#: Complaints that the match is estimated on and the terms are told from.
_SAMPLE = 5000
_TERMS, _LEAST_TERM_CHARS = 8, 4
_EXAMPLE_CHARS = 200


def propose(desk: Desk, name: str, event_ids: Sequence[str], limit: int) -> dict[str, Any]:
    """What a label made of these examples would be and match.

    Args:
        desk: reads the complaints.
        name: the label's id, category.leaf.
        event_ids: two or more stored complaints, distinct.
        limit: matches to show.

    Returns:
        found: examples that are stored; least_cosine: from which a complaint matches; proposal: an entry for the
        taxonomy's file; matches: the nearest complaints with their cosine; matched_now: what these are called now;
        share: of the complaints of the window that match, on a sample of `sampled`, and `of`, how many there are.
        Where fewer than two examples are stored, only `found`.
    """
    examples = desk.examples(event_ids)
    found = [row["event_id"] for row in examples]
    if len(examples) < 2:
        return {"found": found}
    vectors = np.stack([row["vector"] for row in examples])
    centre = _unit(vectors.sum(axis=0))
    least = threshold(vectors)
    texts, others, total = desk.sample(_SAMPLE)
    matches = [row for row in desk.near(centre, 1000) if row["similarity"] >= least and row["event_id"] not in found]
    hits = int((others @ centre >= least).sum()) if len(texts) else 0
    return {
        "found": found,
        "least_cosine": round(least, 4),
        "proposal": {
            "id": name,
            "name": name.rpartition(".")[2].replace("_", " ").capitalize(),
            "description": "",
            "examples": [row["text"][:_EXAMPLE_CHARS] for row in examples],
            "terms": terms([row["text"] for row in examples], texts),
        },
        "matches": matches[:limit],
        "matched_now": dict(Counter(row["subcategory"] or row["category"] for row in matches).most_common()),
        "share": round(hits / len(texts), 4) if texts else None,
        "sampled": len(texts),
        "of": total,
    }


def threshold(vectors: NDArray[np.float32]) -> float:
    """The cosine from which a complaint matches: that of the example least like the others, which it must let in.

    Args:
        vectors: (n, d) float32, unit rows, n >= 2.

    Returns:
        The lowest cosine of an example with the centre of the others, LEAST_COSINE at least.
    """
    rest = vectors.sum(axis=0) - vectors
    cosines = [float(vector @ _unit(others)) for vector, others in zip(vectors, rest, strict=True)]
    return max(LEAST_COSINE, min(cosines))


def terms(examples: Sequence[str], others: Sequence[str]) -> list[str]:
    """Words of at least two examples that are rarer elsewhere, the most telling first.

    They are ranked by the share of the examples that has them times the logarithm of how much more frequent they are
    there than in `others`, each count plus a half.
    """
    here, there = _counts(examples), _counts(others)
    scores = {}
    for word, count in here.items():
        share = count / len(examples)
        usual = (there[word] + 0.5) / (len(others) + 1)
        if count >= 2 and len(word) >= _LEAST_TERM_CHARS and word.isalpha() and share > 2 * usual:
            scores[word] = share * float(np.log(share / usual))
    return sorted(scores, key=lambda word: (-scores[word], word))[:_TERMS]


def _counts(texts: Sequence[str]) -> Counter[str]:
    return Counter(word for text in texts for word in set(tokens_of(text)))


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)
