"""A retrieval corpus in a folder: docs.csv, queries*.csv and qrels*.csv, each also gzipped."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from connectors.errors import Terminal

_BODIES = ("text", "abstract", "body")
_GRADES = ("score", "relevance", "code")


class BadCorpus(Terminal):
    """A folder that holds no corpus; the message names the file and what was expected."""


@dataclass(frozen=True, slots=True)
class Split:
    """Queries and judgements.

    Attributes:
        name: what follows `queries_` in the file's name, or "all".
        queries: text by query id, in the file's order; only those with a relevant document.
        judged: grade by document id, by query id; grades over 0 are relevant.
    """

    name: str
    queries: Mapping[str, str]
    judged: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents by id, title and body as one text, and the splits of queries."""

    name: str
    docs: Mapping[str, str]
    splits: tuple[Split, ...]


def read(folder: Path) -> Corpus:
    """Read a corpus.

    `docs.csv` has doc_id, title (may be missing) and text, abstract or body; `queries.csv` or `queries_SPLIT.csv` has
    query_id and text; `qrels…` of the same ending has query_id, doc_id and a grade: `score`, or `code`, where
    every code above 0 is as relevant as any.

    Raises:
        BadCorpus: a file or column is missing.
    """
    docs = {row["doc_id"]: _text(row) for row in _rows(_file(folder, "docs"))}
    splits = []
    for path in sorted(folder.glob("queries*.csv*")):
        ending = path.name.partition(".")[0].removeprefix("queries")
        splits.append(_split(folder, path, ending, docs))
    if not splits:
        raise BadCorpus(f"{folder}: no queries.csv or queries_SPLIT.csv; see docs/evaluation.md for the layout")
    return Corpus(folder.resolve().name, docs, tuple(splits))


def _split(folder: Path, path: Path, ending: str, docs: Mapping[str, str]) -> Split:
    judged: dict[str, dict[str, int]] = {}
    for row in _rows(_file(folder, f"qrels{ending}")):
        column = next((name for name in _GRADES if name in row), None)
        if column is None:
            raise BadCorpus(f"qrels{ending} in {folder}: expected a column {' or '.join(_GRADES)}, got {list(row)}")
        grade = int(float(row[column]))
        if row["doc_id"] in docs:
            judged.setdefault(row["query_id"], {})[row["doc_id"]] = min(grade, 1) if column == "code" else grade
    queries = {row["query_id"]: row["text"] for row in _rows(path)}
    kept = {key: text for key, text in queries.items() if any(grade > 0 for grade in judged.get(key, {}).values())}
    if not kept:
        raise BadCorpus(f"{path}: no query has a relevant document in qrels{ending}; do their query_ids agree?")
    return Split(ending.strip("_") or "all", kept, judged)


def _text(row: Mapping[str, str]) -> str:
    title = (row.get("title") or "").strip()
    body = next((row[name] for name in _BODIES if name in row), "").strip()
    if not title or body.casefold().startswith(title.casefold()):
        return body
    return f"{title}{'' if title[-1] in '.!?' else '.'} {body}"


def _file(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz"):
        if path.exists():
            return path
    raise BadCorpus(f"{folder}: {name}.csv (or .csv.gz) is missing; see docs/evaluation.md for the layout")


def _rows(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(1 << 24)
    opened: IO[bytes] = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[assignment]  # noqa: SIM115
    with opened as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        wanted = {"docs": ["doc_id"], "quer": ["query_id", "text"], "qrel": ["query_id", "doc_id"]}[path.name[:4]]
        missing = [name for name in wanted if name not in (reader.fieldnames or [])]
        if missing:
            raise BadCorpus(f"{path}: no column {', '.join(missing)}; it has {', '.join(reader.fieldnames or [])}")
        yield from reader
