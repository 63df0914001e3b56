"""Near-duplicates of short and long texts: shingles, MinHash signatures, bands, and the similarity that decides.

MinHash: Broder, "On the resemblance and containment of documents", 1997; bands: Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", section 3.4. Signatures only propose; what is alike is decided on the shingles.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.text import normal_form

#: Characters of a shingle, and the Jaccard from which two texts are copies: chosen on half of the perturbed tweets.
SHINGLE_CHARS, LEAST_JACCARD = 4, 0.52

#: The Jaccard from which two complaints of one person are about the same thing.
RELATED_JACCARD = 0.3

#: Texts of fewer shingles need more in common, and the shortest are copies only where they are equal: "data cap" and
#: "comcast data cap" are no copies, however much of their few words they share.
_SHORT_SHINGLES, _SHORT_JACCARD, _TINY_SHINGLES = 24, 0.7, 12

#: Hashes of a signature and of a band: two texts of Jaccard j meet in a band with 1 - (1 - j^4)^32, .91 at .52.
SIGNATURE_HASHES, BAND_HASHES = 128, 4
BANDS = SIGNATURE_HASHES // BAND_HASHES

#: Shingles kept of a text: the lowest so many hashes, a bottom-k sketch. Up to that many, similarity is exact.
SKETCH_SHINGLES = 512

_SEED = 20_150_216
_SLICE_SHINGLES = 2048

_HANDLE = r"(?:@\w{1,30}|<HANDLE_[0-9a-f]{4,16}>)"
#: What somebody who passes a text on puts around it.
_REPOST = re.compile(
    rf"\b(?:rt|mt|qt) ?{_HANDLE}[ :]{{0,3}}"
    rf"|\b(?:via|h/t) ?{_HANDLE}"
    rf"|[\"“]{_HANDLE} ?:"
    r"|^\W{0,4}(?:fwd?|forwarded(?: message| as received| many times)?|repost(?:ed)?) ?[:\-–]{1,3}",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S{1,400}", re.IGNORECASE)
_APOSTROPHES = str.maketrans("", "", "'’‘`´")


@dataclass(frozen=True, slots=True)
class Sketches:
    """Texts as sets of shingles.

    Args:
        signatures: (n, SIGNATURE_HASHES) uint32.
        shingles: per text its lowest SKETCH_SHINGLES hashes, ascending, uint32.
    """

    signatures: NDArray[np.uint32]
    shingles: list[NDArray[np.uint32]]


def core(text: str) -> str:
    """What is compared of a masked text: without the marks of a repost, web addresses, case, punctuation, masked values.

    Of a masked value its type stays, so that two people's numbers are the same.
    """
    bare = _ADDRESS.sub(" ", _REPOST.sub(" ", text)).translate(_APOSTROPHES)
    return normal_form(bare) or normal_form(text) or text


def is_repost(text: str) -> bool:
    """Whether a text says of itself that it is passed on: `RT @…`, `via @…`, `"@…: …"`, `Fwd:`."""
    return _REPOST.search(text) is not None


def sketch(texts: Sequence[str]) -> Sketches:
    """Signatures and shingles of masked texts; one without letters or digits is compared as it is."""
    keys = _keys([core(text) for text in texts])
    owner = (keys >> np.uint64(32)).astype(np.int64)
    hashes = keys.astype(np.uint32)
    bounds = np.searchsorted(owner, np.arange(len(texts) + 1))
    kept = [hashes[a : min(b, a + SKETCH_SHINGLES)].copy() for a, b in itertools.pairwise(bounds)]
    return Sketches(_minima(hashes, bounds), kept)


def signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """(n, SIGNATURE_HASHES) uint32: the share of equal places of two rows estimates the Jaccard of their texts."""
    return sketch(texts).signatures


def bands(signatures: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """(n, BANDS) uint64: texts that share one of them in the same place may be alike."""
    folded = np.repeat(np.arange(BANDS, dtype=np.uint64)[None, :], len(signatures), axis=0)
    for place in range(BAND_HASHES):
        folded = folded * _ROLL + signatures[:, place::BAND_HASHES]
    return _mixed(folded, 0)


def jaccard(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    """Shared shingles by all shingles of two texts; an estimate where a text has more than SKETCH_SHINGLES.

    The lowest hashes of the union are a random sample of it (Bar-Yossef et al., 2002), so both are compared up to where
    both are whole.
    """
    if len(one) >= SKETCH_SHINGLES or len(other) >= SKETCH_SHINGLES:
        limit = min(int(part[-1]) for part in (one, other) if len(part) >= SKETCH_SHINGLES)
        one, other = (part[: int(np.searchsorted(part, limit, side="right"))] for part in (one, other))
    both = np.sort(np.concatenate([one, other]))
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    return shared / max(1, len(both) - shared)


def alike(score: float, shingles: int) -> bool:
    """Whether a Jaccard is that of copies, where the shorter text has so many shingles; equal texts always are."""
    return shingles >= _TINY_SHINGLES and score >= (_SHORT_JACCARD if shingles < _SHORT_SHINGLES else LEAST_JACCARD)


def related(score: float, shingles: int) -> bool:
    """Whether a Jaccard is that of two complaints of one person about the same thing."""
    return shingles >= _SHORT_SHINGLES and score >= RELATED_JACCARD


def _keys(cores: Sequence[str]) -> NDArray[np.uint64]:
    """Ascending, distinct: text number << 32 | shingle hash, of all texts."""
    if not cores:
        return np.empty(0, np.uint64)
    padded = [f" {text} ".ljust(SHINGLE_CHARS) for text in cores]
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    count = len(letters) - SHINGLE_CHARS + 1
    rolled = np.zeros(count, np.uint64)
    for place in range(SHINGLE_CHARS):
        rolled *= _ROLL
        rolled += letters[place : place + count]
    owner = np.repeat(np.arange(len(padded), dtype=np.uint64), lengths)[:count]
    whole = np.ones(len(letters), bool)
    for back in range(1, SHINGLE_CHARS):  # those that would reach into the next text
        whole[np.cumsum(lengths) - back] = False
    keys = np.sort(((owner << np.uint64(32)) | _mixed(rolled))[whole[:count]])
    distinct: NDArray[np.uint64] = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    return distinct


def _mixed(values: NDArray[np.uint64], shift: int = 32) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014); by default its upper half."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values >> np.uint64(shift)


def _minima(hashes: NDArray[np.uint32], bounds: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Per text and hash function the least value over its shingles, in slices that stay in the processor's cache."""
    least = np.full((SIGNATURE_HASHES, len(bounds) - 1), 2**32 - 1, np.uint32)
    room = np.empty((SIGNATURE_HASHES, _SLICE_SHINGLES), np.uint32)
    for start in range(0, len(hashes), _SLICE_SHINGLES):
        part = hashes[start : start + _SLICE_SHINGLES]
        values = room[:, : len(part)]
        np.multiply(part[None, :], _FACTORS, out=values)
        np.add(values, _SUMMANDS, out=values)
        # A text that goes on in the next slice is met in both. Every text has a shingle, so no bound comes twice.
        first = int(np.searchsorted(bounds, start, side="right")) - 1
        last = int(np.searchsorted(bounds, start + len(part), side="left"))
        found = np.minimum.reduceat(values, np.maximum(bounds[first:last] - start, 0), axis=1)
        np.minimum(least[:, first:last], found, out=least[:, first:last])
    return np.ascontiguousarray(least.T)


_ROLL = np.uint64(0x9E3779B97F4A7C15)
_random = np.random.default_rng(_SEED)
_FACTORS = _random.integers(0, 2**32, (SIGNATURE_HASHES, 1), dtype=np.uint32) | np.uint32(1)
_SUMMANDS = _random.integers(0, 2**32, (SIGNATURE_HASHES, 1), dtype=np.uint32)
