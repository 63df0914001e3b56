"""Which models embedded what is stored; asked once, of data folders that were filled before that was kept."""

from __future__ import annotations

from connectors.errors import Transient
from connectors.lance import open_reader
from engine.settings import Settings


def embedded(settings: Settings) -> dict[tuple[str, str], int]:
    """Complaints by name and revision of their model; none where nothing is stored."""
    columns = ["embedding_model", "embedding_revision"]
    try:
        table = open_reader(f"{settings.zones_uri.rstrip('/')}/serving", "complaints", settings.storage_options)
        found = table.search().select(columns).limit(2**31 - 1).to_arrow()
    except Transient:  # there is no such table
        return {}
    counted = found.group_by(columns).aggregate([([], "count_all")]).to_pylist()
    return {(row[columns[0]], row[columns[1]]): row["count_all"] for row in counted if row[columns[0]] is not None}
