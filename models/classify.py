"""Places complaints in the taxonomy before any label exists, by likeness to seed phrases and by terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.embedder import Embedder
from models.lexicon import Lexicon, fold, tokens_of
from models.taxonomy import Taxonomy

# Chosen together on one half of the mapped Comcast, airline, Banking77, CFPB and Kenyan review texts.
# The two thresholds let about 4 % of those go to the fallback; of the rest 82 % have the right category.
_BEST_WEIGHT = 0.5  # of the best seed's cosine; the rest is the cosine with the seeds' centroid
_TERM_BONUS = 0.12  # in units of cosine, for each distinct term
_MOST_TERMS = 2
_TEMPERATURE = 0.04
_LEAST_SCORE = 0.3
_LEAST_SHARE = 0.35

# The model sees about as many words; a longer text would only collect terms of every leaf.
_TERM_TOKENS = 400
_CHUNK_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class Prediction:
    """Where a complaint belongs, and why.

    Attributes:
        category: the id of the category.
        subcategory: the id of the leaf.
        confidence: 0 to 1. Of the zero-shot classifier the category's share in a softmax over all leaves, which ranks
            well but is not a calibrated probability; of a trained one the calibrated probability of its best leaf.
        margin: that less the next best's; negative where the fallback was taken although
            another category came first.
        reasons: why it abstained if it did, the nearest seed phrase with its cosine, the terms found.
    """

    category: str
    subcategory: str
    confidence: float
    margin: float
    reasons: list[str]


class ZeroShotClassifier:
    """Compares vectors with a taxonomy's seed phrases. It is never trained, and it pickles.

    Args:
        taxonomy: its live leaves are what can be predicted.
        prototypes: (m, d) float32, unit rows: the vectors of `seed_texts(taxonomy)`, in that order.

    Raises:
        ValueError: the prototypes are not one for each seed.
    """

    def __init__(self, taxonomy: Taxonomy, prototypes: NDArray[np.float32]) -> None:
        self.taxonomy = taxonomy
        self._seeds = seed_texts(taxonomy)
        if prototypes.ndim != 2 or len(prototypes) != len(self._seeds):
            raise ValueError(
                f"prototypes have shape {prototypes.shape}, expected ({len(self._seeds)}, d), a row for "
                f"each seed of taxonomy {taxonomy.name!r} version {taxonomy.version}: build it again"
            )
        self._prototypes = prototypes
        leaves = taxonomy.leaves()
        self._leaves = [leaf.id for leaf in leaves]
        self._categories = list(dict.fromkeys(leaf.category for leaf in leaves))
        self._category_of = np.asarray([self._categories.index(leaf.category) for leaf in leaves])
        self._first_leaf = np.searchsorted(self._category_of, np.arange(len(self._categories)))
        self._fallback = self._leaves.index(taxonomy.fallback)
        sizes = [1 + len(leaf.examples) for leaf in leaves]
        self._first_seed = np.cumsum([0, *sizes[:-1]])
        self._last_seed = self._first_seed + sizes
        self._sum_norms = np.linalg.norm(np.add.reduceat(prototypes, self._first_seed, axis=0), axis=1)
        self._leaves_of_term: dict[str, list[int]] = {}
        for index, leaf in enumerate(leaves):
            for term in dict.fromkeys(fold(term) for term in leaf.terms):
                self._leaves_of_term.setdefault(term, []).append(index)
        self._lexicon = Lexicon(self._leaves_of_term)

    @classmethod
    def build(cls, taxonomy: Taxonomy, embedder: Embedder) -> ZeroShotClassifier:
        """Embeds the taxonomy's seeds.

        Args:
            taxonomy: its live leaves are what can be predicted.
            embedder: the one that also embeds the complaints.

        Returns:
            A classifier for vectors of that embedder.
        """
        return cls(taxonomy, embedder.encode(seed_texts(taxonomy)))

    def predict(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> list[Prediction]:
        """Classifies complaints.

        Args:
            texts: masked texts of any language; one without a word goes to the fallback.
            vectors: (n, d) float32, unit rows: the texts' vectors, in the same order.

        Returns:
            One prediction a text, in order; none for no texts.

        Raises:
            ValueError: the vectors are not one a text, or not of the prototypes' length.
        """
        expected = (len(texts), self._prototypes.shape[1])
        if vectors.shape != expected:
            raise ValueError(
                f"vectors have shape {vectors.shape}, expected {expected}: "
                "embed these texts with the model that embedded the taxonomy"
            )
        predictions: list[Prediction] = []
        for start in range(0, len(texts), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            predictions += self._predict_chunk(texts[rows], vectors[rows])
        return predictions

    def _predict_chunk(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> list[Prediction]:
        tokens = [tokens_of(text)[:_TERM_TOKENS] for text in texts]
        terms = [self._terms_by_leaf(words) for words in tokens]
        cosines = vectors @ self._prototypes.T
        scores = self._scores(cosines, terms)
        leaf_shares = _softmax(scores / _TEMPERATURE)
        shares = np.add.reduceat(leaf_shares, self._first_leaf, axis=1)
        winner = shares.argmax(axis=1)
        leaf = np.where(self._category_of == winner[:, None], leaf_shares, -1.0).argmax(axis=1)
        return [
            self._explain(
                int(leaf[row]),
                shares[row],
                float(scores[row].max()),
                cosines[row],
                terms[row],
                bool(tokens[row]),
            )
            for row in range(len(texts))
        ]

    def _terms_by_leaf(self, tokens: Sequence[str]) -> dict[int, list[str]]:
        """The distinct terms found, under the index of each leaf that they speak for."""
        found: dict[int, list[str]] = {}
        for phrase in dict.fromkeys(match.phrase for match in self._lexicon.find(tokens)):
            for leaf in self._leaves_of_term[phrase]:
                found.setdefault(leaf, []).append(phrase)
        return found

    def _scores(self, cosines: NDArray[np.float32], terms: Sequence[dict[int, list[str]]]) -> NDArray[np.float32]:
        """Each leaf's score, (n, leaves): cosines with its best seed and its centroid, and its terms."""
        best = np.maximum.reduceat(cosines, self._first_seed, axis=1)
        centroid = np.add.reduceat(cosines, self._first_seed, axis=1) / self._sum_norms
        scores: NDArray[np.float32] = _BEST_WEIGHT * best + (1 - _BEST_WEIGHT) * centroid
        for row, found in enumerate(terms):
            for leaf, phrases in found.items():
                scores[row, leaf] += _TERM_BONUS * min(len(phrases), _MOST_TERMS)
        return scores

    def _explain(
        self,
        leaf: int,
        shares: NDArray[np.float32],
        score: float,
        cosines: NDArray[np.float32],
        terms: dict[int, list[str]],
        worded: bool,
    ) -> Prediction:
        """Builds one text's prediction from its winning leaf, or abstains."""
        reasons = []
        doubt = self._doubt(leaf, float(shares.max()), score, worded)
        if doubt:
            reasons.append(doubt)
            leaf = self._fallback
        category = int(self._category_of[leaf])
        others = np.delete(shares, category)
        first, last = self._first_seed[leaf], self._last_seed[leaf]
        nearest = int(first + cosines[first:last].argmax())
        reasons.append(f"like '{self._seeds[nearest]}' ({cosines[nearest]:.2f})")
        if leaf in terms:
            reasons.append("terms: " + ", ".join(f"'{term}'" for term in terms[leaf]))
        confidence = min(1.0, float(shares[category]))
        return Prediction(
            category=self._categories[category],
            subcategory=self._leaves[leaf],
            confidence=confidence,
            margin=confidence - float(others.max(initial=0.0)),
            reasons=reasons,
        )

    def _doubt(self, leaf: int, share: float, score: float, worded: bool) -> str:
        """Why the winning leaf should not stand; empty when it should."""
        if not worded:
            return "abstained: the text has no words"
        if score < _LEAST_SCORE:
            return f"abstained: best was {self._leaves[leaf]} with score {score:.2f}, below {_LEAST_SCORE}"
        if share < _LEAST_SHARE:
            return f"abstained: best was {self._leaves[leaf]} with share {share:.2f}, below {_LEAST_SHARE}"
        return ""


def seed_texts(taxonomy: Taxonomy) -> list[str]:
    """The texts that a zero-shot classifier compares complaints with.

    Args:
        taxonomy: only its live leaves have seeds.

    Returns:
        For each leaf in order: its name and description as one text, then its examples.
    """
    return [text for leaf in taxonomy.leaves() for text in (f"{leaf.name}: {leaf.description}", *leaf.examples)]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)
