"""The tables of the four zones: Arrow schemas, keys and versions.

A changed schema is a new version: the version stands in the schema metadata. Opening a table of an older
version adds the columns that it lacks; one of a newer version is refused (connectors.lance, decision 0011).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from engine.features.dictionary import FEATURES

TIME = pa.timestamp("us", "UTC")
STRINGS = pa.list_(pa.string())

#: The way back to an older form of a text: (start, length, old length) of each edit, flat; see models.offsets.
OFFSETS = pa.list_(pa.int32())


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table: its zone, name, key column and schema.

    `migrations` are the columns that each version added; see connectors.lance.Table for `beside` and `of_any_length`.
    """

    zone: str
    name: str
    key: str
    schema: pa.Schema
    version: int = 1
    text_index: str | None = None
    migrations: Mapping[int, pa.Schema] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    of_any_length: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """`zone.name`, as in messages and docs."""
        return f"{self.zone}.{self.name}"


def _key(name: str) -> pa.Field:
    return pa.field(name, pa.string(), nullable=False)


ENVELOPES = TableSpec(
    "raw",
    "envelopes",
    "event_id",
    pa.schema(
        [
            _key("event_id"),
            ("channel", pa.string()),
            ("source", pa.string()),
            ("source_key", pa.string()),
            ("occurred_at", TIME),
            ("received_at", TIME),
            ("content_type", pa.string()),
            ("payload", pa.binary()),
            ("key_id", pa.string()),
            ("mapping", pa.string()),
            ("metadata", pa.string()),
            ("stream_seq", pa.int64()),
        ]
    ),
)

DEAD_LETTERS = TableSpec(
    "raw",
    "dead_letters",
    "dead_letter_id",
    pa.schema(
        [
            _key("dead_letter_id"),
            ("event_id", pa.string()),
            ("attempt", pa.int32()),
            ("stage", pa.string()),
            ("reason", pa.string()),
            ("message", pa.string()),
            ("payload_ref", pa.string()),
            ("channel", pa.string()),
            ("source", pa.string()),
            ("source_key", pa.string()),
            ("received_at", TIME),
            ("failed_at", TIME),
            ("stream_seq", pa.int64()),
        ]
    ),
)

_CURATED = [
    _key("event_id"),
    ("source", pa.string()),
    ("source_key", pa.string()),
    ("channel", pa.string()),
    ("occurred_at", TIME),
    ("received_at", TIME),
    ("text", pa.string()),
    ("search_text", pa.string()),
    ("region", pa.string()),
    ("product", pa.string()),
    ("customer_id", pa.string()),
    ("account_id", pa.string()),
    ("language", pa.string()),
    ("language_confidence", pa.float32()),
    ("text_hash", pa.string()),
    ("duplicate_of", pa.string()),
    ("pii_types", STRINGS),
    ("quality_flags", STRINGS),
    ("embedding_model", pa.string()),
    ("embedding_revision", pa.string()),
    ("pipeline_version", pa.string()),
    ("stream_seq", pa.int64()),
]

_MODELLED = [
    ("category", pa.string()),
    ("subcategory", pa.string()),
    ("confidence", pa.float32()),
    ("category_reasons", STRINGS),
    ("priority", pa.string()),
    ("priority_score", pa.float32()),
    ("priority_reasons", STRINGS),
    ("cluster_id", pa.int64()),
    ("taxonomy_version", pa.string()),
    ("classifier_version", pa.string()),
    ("scored_at", TIME),
]

#: Version 2: the work that was shed for a row under load and is to be completed. Null in rows of version 1.
_DEGRADED = pa.schema([("degraded", STRINGS)])

#: Version 3: what processing finds beside the text. Null in rows of older versions until they are replayed.
_PROCESSED = pa.schema(
    [
        ("second_language", pa.string()),
        ("text_map", OFFSETS),
        ("identifiers", STRINGS),
        ("person_id", pa.string()),
        ("locality", pa.string()),
        ("amount", pa.float64()),
        ("currency", pa.string()),
        ("duplicate_kind", pa.string()),
        ("duplicate_score", pa.float32()),
        ("repeat_of", pa.string()),
        ("minhash", pa.binary()),
    ]
)

#: What of it analysts see: signatures and offsets stay in curated.
_SERVED = pa.schema([column for column in _PROCESSED if column.name not in ("text_map", "minhash")])


#: A vector, and what it says of the model that made it.
VECTOR = ("vector", "embedding_model", "embedding_revision")

#: Added to their names while another model's vectors are made, and to those of the former ones after that.
FOLLOWING, FORMER = "_next", "_former"

#: Vectors beside those that are searched; they come and go with a change of the embedding model.
OTHER_VECTORS = tuple(name + suffix for suffix in (FOLLOWING, FORMER) for name in VECTOR)


def _vector(dimensions: int, suffix: str = "") -> pa.Field:
    return pa.field("vector" + suffix, pa.list_(pa.float32(), dimensions))


def following(dimensions: int, metadata: Mapping[str, str]) -> list[pa.Field]:
    """The columns of the vectors of a model that is to follow; `metadata` is that of the vector."""
    model = [pa.field(name + FOLLOWING, pa.string()) for name in VECTOR[1:]]
    return [_vector(dimensions, FOLLOWING).with_metadata(dict(metadata)), *model]


def curated(dimensions: int) -> TableSpec:
    """`curated.complaints` for vectors of this length, float32 unit rows."""
    schema = pa.schema([*_CURATED, _vector(dimensions), *_DEGRADED, *_PROCESSED])
    return TableSpec(
        "curated",
        "complaints",
        "event_id",
        schema,
        version=3,
        migrations={2: _DEGRADED, 3: _PROCESSED},
        beside=OTHER_VECTORS,
        of_any_length=VECTOR[:1],
    )


def serving(dimensions: int) -> TableSpec:
    """`serving.complaints` for vectors of this length, float32 unit rows."""
    schema = pa.schema([*_CURATED, *_MODELLED, _vector(dimensions), *_DEGRADED, *_SERVED])
    return TableSpec(
        "serving",
        "complaints",
        "event_id",
        schema,
        version=3,
        text_index="search_text",
        migrations={2: _DEGRADED, 3: _SERVED},
        beside=OTHER_VECTORS,
        of_any_length=VECTOR[:1],
    )


VOLUMES = TableSpec(
    "serving",
    "volumes",
    "volume_id",
    pa.schema([_key("volume_id"), ("segment", pa.string()), ("bucket", TIME), ("count", pa.int64())]),
)

#: Version 2: what people did, and how the surge came back. Null in rows of version 1.
_LIFE = pa.schema(
    [
        ("acted_at", TIME),
        ("reason", pa.string()),
        ("regressions", pa.int64()),
        ("muted", pa.bool_()),
        ("history", pa.string()),
    ]
)

INCIDENTS = TableSpec(
    "serving",
    "incidents",
    "incident_id",
    pa.schema(
        [
            _key("incident_id"),
            ("segment", pa.string()),
            ("state", pa.string()),
            ("severity", pa.string()),
            ("started_at", TIME),
            ("detected_at", TIME),
            ("ended_at", TIME),
            ("observed", pa.int64()),
            ("expected", pa.float64()),
            ("interval_low", pa.float64()),
            ("interval_high", pa.float64()),
            ("related", STRINGS),
            ("evidence", pa.string()),
            ("acknowledged_by", pa.string()),
            ("acknowledged_at", TIME),
            ("updated_at", TIME),
            *_LIFE,
        ]
    ),
    version=2,
    migrations={2: _LIFE},
)

#: A rule of batches and a channel: how it stands, and its last incident.
QUALITY = TableSpec(
    "serving",
    "quality",
    "check_id",
    pa.schema(
        [
            _key("check_id"),
            ("rule", pa.string()),
            ("kind", pa.string()),
            ("scope", pa.string()),
            ("state", pa.string()),
            ("since", TIME),
            ("incident_id", pa.string()),
            ("opened_at", TIME),
            ("closed_at", TIME),
            ("observed", pa.float64()),
            ("expected", pa.float64()),
            ("why", pa.string()),
            ("judged_at", TIME),
            ("known_at", TIME),
            ("trend", pa.list_(pa.float64())),
            ("told", pa.string()),
        ]
    ),
)

#: What quality knows of a channel's past hour.
QUALITY_HOURS = TableSpec(
    "serving",
    "quality_hours",
    "hour_id",
    pa.schema(
        [
            _key("hour_id"),
            ("channel", pa.string()),
            ("hour", TIME),
            ("watched", pa.bool_()),
            ("rows", pa.int64()),
            ("live", pa.int64()),
            ("rejected", pa.int64()),
            ("newest", TIME),
            ("last", TIME),
            ("counts", pa.string()),
        ]
    ),
)


def clusters(dimensions: int) -> TableSpec:
    """`serving.clusters` for centroids of this length: a cluster of complaints, also one that is no more."""
    return TableSpec(
        "serving",
        "clusters",
        "cluster_id",
        pa.schema(
            [
                pa.field("cluster_id", pa.int64(), nullable=False),
                ("name", pa.string()),
                ("kind", pa.string()),
                ("state", pa.string()),
                ("other", pa.int64()),
                ("terms", STRINGS),
                ("exemplars", STRINGS),
                ("size", pa.int64()),
                ("recent", pa.int64()),
                ("growth", pa.float64()),
                ("emerging", pa.bool_()),
                ("centroid", pa.list_(pa.float32(), dimensions)),
                ("gate", pa.float32()),
                ("embedding_model", pa.string()),
                ("embedding_revision", pa.string()),
                ("events", pa.string()),
                ("born_at", TIME),
                ("updated_at", TIME),
            ]
        ),
        of_any_length=("centroid",),
    )


#: A customer at a point in time; the key is the customer's id and that time. Columns are engine.features.FEATURES.
CUSTOMERS = TableSpec(
    "serving",
    "customers",
    "feature_id",
    pa.schema(
        [
            _key("feature_id"),
            ("customer_id", pa.string()),
            ("as_of", TIME),
            ("dictionary_version", pa.int32()),
            *((feature.name, feature.type) for feature in FEATURES),
        ]
    ),
)


API_KEYS = TableSpec(
    "governance",
    "keys",
    "key_id",
    pa.schema(
        [
            _key("key_id"),
            ("name", pa.string()),
            ("role", pa.string()),
            ("key_hash", pa.string()),
            ("created_at", TIME),
            ("revoked_at", TIME),
        ]
    ),
)

#: How identifiers, or complaints (`event:` and an id), belong together; the method is deterministic, probabilistic or
#: manual, the state active, conflict, candidate, unmerged or withdrawn.
IDENTITY_LINKS = TableSpec(
    "governance",
    "identity_links",
    "link_id",
    pa.schema(
        [
            _key("link_id"),
            ("a", pa.string()),
            ("b", pa.string()),
            ("method", pa.string()),
            ("state", pa.string()),
            ("score", pa.float64()),
            ("reasons", STRINGS),
            ("complaints", pa.int64()),
            ("first_at", TIME),
            ("last_at", TIME),
            ("decided_by", pa.string()),
            ("updated_at", TIME),
        ]
    ),
)

#: What people say complaints are. A newer label of a complaint supersedes the older, which stays; one without labels
#: takes the label back. The kind is human, bulk, audit or import; of the text there is its hash alone.
LABELS = TableSpec(
    "governance",
    "labels",
    "label_id",
    pa.schema(
        [
            _key("label_id"),
            ("event_id", pa.string()),
            ("text_hash", pa.string()),
            ("category", pa.string()),
            ("subcategory", pa.string()),
            ("labels", STRINGS),
            ("labeller", pa.string()),
            ("kind", pa.string()),
            ("taxonomy_version", pa.string()),
            ("created_at", TIME),
            ("superseded_by", pa.string()),
        ]
    ),
)

#: Searches that new complaints are held against; a removed one stays, so that its id is no other's.
SAVED_SEARCHES = TableSpec(
    "governance",
    "saved_searches",
    "search_id",
    pa.schema(
        [
            _key("search_id"),
            ("owner", pa.string()),
            ("about", pa.string()),
            ("cutoff", pa.float64()),
            ("vector", pa.list_(pa.float32())),
            ("created_at", pa.string()),
            ("removed", pa.bool_()),
        ]
    ),
)

#: What a challenger would have said of new complaints; the key is its name, version and the event id.
SHADOW = TableSpec(
    "governance",
    "shadow",
    "shadow_id",
    pa.schema(
        [
            _key("shadow_id"),
            ("event_id", pa.string()),
            ("champion", pa.string()),
            ("challenger", pa.string()),
            ("champion_category", pa.string()),
            ("champion_subcategory", pa.string()),
            ("champion_confidence", pa.float32()),
            ("challenger_category", pa.string()),
            ("challenger_subcategory", pa.string()),
            ("challenger_confidence", pa.float32()),
            ("channel", pa.string()),
            ("language", pa.string()),
            ("region", pa.string()),
            ("received_at", TIME),
            ("scored_at", TIME),
        ]
    ),
)

#: What a change of the taxonomy scores beside what is visible, until it is all there; the key is the version's name
#: and the event id.
TAXONOMY_SCORES = TableSpec(
    "governance",
    "taxonomy_scores",
    "score_id",
    pa.schema(
        [
            _key("score_id"),
            ("event_id", pa.string()),
            ("text_hash", pa.string()),
            ("category", pa.string()),
            ("subcategory", pa.string()),
            ("confidence", pa.float32()),
            ("category_reasons", STRINGS),
            ("taxonomy_version", pa.string()),
            ("classifier_version", pa.string()),
            ("scored_at", TIME),
        ]
    ),
)
