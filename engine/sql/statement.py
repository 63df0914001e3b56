"""Reads a SELECT with DuckDB's own parser, and refuses what reaches beyond the serving tables.

The tree that was checked is what runs, written back as SQL by DuckDB, so that no other reading of the same text can
slip through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from connectors.errors import Terminal

#: Tables of the serving zone that can be read, by their short names.
TABLES = ("complaints", "volumes", "incidents", "clusters", "quality", "quality_hours", "customers")

#: Functions that may stand where a table does.
_SOURCES = ("range", "generate_series", "unnest")

#: What tells of the program and not of complaints.
_INTERNAL = re.compile(r"^(current_setting|getvariable|getenv|query|query_table|in_search_path|(duckdb|pg|pragma)_.*)$")

_MOST_CHARS = 20_000

#: Candidates of a search at most, see engine.search.
MOST_SIMILAR = 500

#: The settings of every connection that a user's text reaches.
LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}


class BadSql(Terminal):
    """SQL that is not run; the message says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """`similar('text', k)`: the `k` complaints nearest to a text, in the query as a table of this name."""

    name: str
    text: str
    k: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A checked query.

    Attributes:
        sql: what runs.
        tables: of `TABLES`, that it reads.
        calls: of `similar`.
        columns: names of columns in it, as far as it names them.
    """

    sql: str
    tables: frozenset[str]
    calls: tuple[Call, ...]
    columns: frozenset[str]


def read(sql: str) -> Statement:
    """Check a query.

    Raises:
        BadSql: no single SELECT, an unknown table, or a function that is not allowed.
    """
    if len(sql) > _MOST_CHARS:
        raise BadSql(f"sql: {len(sql):,} characters; at most {_MOST_CHARS:,} are taken")
    if "\0" in sql or any(0xD800 <= ord(character) <= 0xDFFF for character in sql):
        raise BadSql("sql: a character that no text has")
    tree = _tree(sql)
    calls = _calls(tree)
    tables, columns = _checked(tree, {call.name for call in calls})
    return Statement(_written(tree), frozenset(tables), tuple(calls), frozenset(columns))


def _tree(sql: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(_ask("SELECT json_serialize_sql(?)", sql))
    if tree["error"]:
        raise BadSql(f"sql: {tree['error_message']}; only a SELECT is run")
    if len(tree["statements"]) != 1:
        raise BadSql(f"sql: {len(tree['statements'])} statements; one is run")
    return tree


def _written(tree: dict[str, Any]) -> str:
    return _ask("SELECT json_deserialize_sql(?)", json.dumps(tree))


def _ask(question: str, value: str) -> str:
    import duckdb

    try:
        found: str = _parser().cursor().execute(question, [value]).fetchall()[0][0]
    except duckdb.Error as error:
        raise BadSql(f"sql: cannot be read ({str(error).splitlines()[0][:200]})") from error
    return found


@lru_cache(maxsize=1)
def _parser() -> Any:
    import duckdb

    connection = duckdb.connect(":memory:", config=LOCKED | {"threads": "1", "memory_limit": "64MB"})
    connection.execute("SET lock_configuration = true").fetchall()
    return connection


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a tree, also of one that is deeper than Python calls."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _calls(tree: dict[str, Any]) -> list[Call]:
    """The calls of `similar`; in the tree a table stands in the place of each."""
    calls: list[Call] = []
    for node in _nodes(tree):
        if node.get("type") != "TABLE_FUNCTION" or node["function"]["function_name"] != "similar":
            continue
        call = _call(f"similar_{len(calls) + 1}", node["function"])
        calls.append(call)
        kept = {key: node[key] for key in ("sample", "query_location", "query_location_length", "column_name_alias")}
        alias = node["alias"] or "similar"
        node.clear()
        node |= kept | {
            "type": "BASE_TABLE", "alias": alias, "schema_name": "", "table_name": call.name, "catalog_name": "",
            "at_clause": None, "qualified_name": {"path": [call.name]},
        }  # fmt: skip
    return calls


def _call(name: str, function: dict[str, Any]) -> Call:
    given: dict[str, Any] = {}
    for place, argument in enumerate(function["arguments"]):
        literal = argument["expression"].get("literal") or {}
        given[argument["name"] or ("text", "k")[min(place, 1)]] = (literal.get("kind"), literal.get("text"))
    text, k = given.pop("text", (None, None)), given.pop("k", ("INTEGER", "100"))
    if text[0] != "STRING" or not text[1].strip() or k[0] != "INTEGER" or given or len(function["arguments"]) > 2:
        raise BadSql("sql: similar('text', k) takes a text in quotes and a whole number, nothing else")
    if not 1 <= int(k[1]) <= MOST_SIMILAR:
        raise BadSql(f"sql: similar(…, {k[1][:12]}): expected 1 to {MOST_SIMILAR}")
    return Call(name, text[1], int(k[1]))


def _checked(tree: dict[str, Any], similar: set[str]) -> tuple[set[str], set[str]]:
    """The tables and columns that are named."""
    here = {entry["key"].lower() for node in _nodes(tree) for entry in (node.get("cte_map") or {}).get("map", ())}
    tables: set[str] = set()
    columns: set[str] = set()
    for node in _nodes(tree):
        kind = node.get("type")
        if kind == "BASE_TABLE":
            tables |= _table(node, here | similar)
        elif kind == "TABLE_FUNCTION":
            name = node["function"]["function_name"].lower()
            if name not in _SOURCES:
                raise BadSql(f"sql: {name[:60]}() cannot be read from; known: similar, {', '.join(_SOURCES)}")
        elif kind == "SHOW_REF" and not node.get("query"):
            raise BadSql(f"sql: DESCRIBE one of {', '.join(TABLES)}")
        elif node.get("class") == "FUNCTION" and _INTERNAL.match(node["function_name"].lower()):
            raise BadSql(f"sql: {node['function_name'][:60]}() is not for queries")
        elif node.get("class") == "COLUMN_REF":
            columns.add(node["column_names"][-1].lower())
    return tables, columns


def _table(node: dict[str, Any], here: set[str]) -> set[str]:
    name, path = node["table_name"].lower(), node["qualified_name"]["path"]
    if node["catalog_name"] or node["schema_name"] or len(path) != 1 or path[0].lower() != name:
        raise BadSql(f"sql: {'.'.join(path)[:80]!r}: tables have short names: {', '.join(TABLES)}")
    if name in here:
        return set()
    if name not in TABLES:
        raise BadSql(f"sql: table {name[:60]!r}: there is none; known: {', '.join(TABLES)}")
    return {name}
