"""What a trained classifier sees of a complaint: its vector, its words and its characters, as one sparse row.

Words (one and two in a row) and character n-grams (3 to 5, within words) are weighed by TF-IDF, each block a unit row,
beside the text's unit vector. What names nothing is made alike: masked values keep their kind alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Weight of the vector beside the two TF-IDF blocks; chosen on Banking77's training part, see docs/models/classifier.md.
VECTOR_WEIGHT = 2.0
#: Characters looked at. A complaint says what it is about early, and a pasted log would only add terms of every label.
ENOUGH = 4_000
_MOST_WORDS, _MOST_GRAMS = 16_000, 32_000


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms of one block, and their weights.

    Attributes:
        terms: in the order of the block's columns.
        idf: (terms,) float32.
    """

    terms: list[str]
    idf: NDArray[np.float32]


class Features:
    """Texts and vectors to sparse rows; each row depends on its own text and vector alone.

    Args:
        dimensions: length of a vector.
        words: vocabulary of words and pairs of words.
        grams: vocabulary of character n-grams.
    """

    def __init__(self, dimensions: int, words: Vocabulary, grams: Vocabulary) -> None:
        self.dimensions, self.words, self.grams = dimensions, words, grams
        self._readers = [_reader(kind, block) for kind, block in (("word", words), ("char_wb", grams))]

    @classmethod
    def fit(cls, texts: Sequence[str], dimensions: int) -> Features:
        """Learns the vocabularies of some texts: terms of two texts at least, the commonest first where there are many."""
        plain = [plainer(text) for text in texts]
        return cls(dimensions, _learn("word", plain, _MOST_WORDS), _learn("char_wb", plain, _MOST_GRAMS))

    @property
    def size(self) -> int:
        """Columns of a row: the vector's, the words', the n-grams'."""
        return self.dimensions + len(self.words.terms) + len(self.grams.terms)

    def rows(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> csr_matrix:
        """(n, size) float32.

        Args:
            texts: masked texts of any language; one without a known term has its vector alone.
            vectors: (n, dimensions) float32, unit rows.
        """
        from scipy.sparse import csr_matrix, hstack

        plain = [plainer(text) for text in texts]
        blocks = [dense(vectors * np.float32(VECTOR_WEIGHT))]
        for reader, block in zip(self._readers, (self.words, self.grams), strict=True):
            blocks.append(reader.transform(plain) if block.terms else csr_matrix((len(texts), 0), dtype=np.float32))
        return hstack(blocks, format="csr", dtype=np.float32)


def dense(vectors: NDArray[np.float32]) -> csr_matrix:
    """Vectors as sparse rows. A zero among their numbers is kept too, so that a row's sums have one order."""
    from scipy.sparse import csr_matrix

    rows, columns = vectors.shape
    place = np.tile(np.arange(columns, dtype=np.int32), rows)
    ends = np.arange(rows + 1, dtype=np.int32) * columns
    return csr_matrix((np.ascontiguousarray(vectors, dtype=np.float32).ravel(), place, ends), shape=(rows, columns))


def plainer(text: str) -> str:
    """A text as the vocabularies see it: its beginning, masked values without their pseudonyms."""
    return _PLACEHOLDER.sub(r" \1 ", text[:ENOUGH])


_PLACEHOLDER = re.compile(r"<([A-Z][A-Z_]{1,20})_[0-9a-f]{2,16}>")


def _learn(kind: str, plain: Sequence[str], most: int) -> Vocabulary:
    reader = _vectorizer(kind, max_features=most, min_df=2)
    try:
        reader.fit(plain)
    except ValueError:  # no term stands in two of the texts
        return Vocabulary([], np.zeros(0, np.float32))
    return Vocabulary(list(reader.get_feature_names_out()), reader.idf_.astype(np.float32))


def _reader(kind: str, block: Vocabulary) -> Any:
    if not block.terms:
        return None
    reader = _vectorizer(kind, vocabulary=block.terms)
    reader.idf_ = block.idf
    return reader


def _vectorizer(kind: str, **given: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    spans = {"word": (1, 2), "char_wb": (3, 5)}
    pattern = r"(?u)\b\w+\b"
    return TfidfVectorizer(
        analyzer=kind, ngram_range=spans[kind], sublinear_tf=True, dtype=np.float32,
        token_pattern=pattern if kind == "word" else None, **given,
    )  # fmt: skip
