"""Every setting of the engine, with its bounds, default and unit.

Precedence: command line > environment (`BEEJAN_NATS__URL`) > `--config` file > default.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from connectors.errors import Terminal
from connectors.registry import KINDS, SourceSettings
from connectors.settings import SOURCE_NAME

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"


class BadConfig(Terminal):
    """A configuration that cannot be used; the message names file, key, value and what was expected."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NatsLogin(_Section):
    """A user of an existing NATS with the rights of one role."""

    user: str | None = Field(None, description="User")
    password: SecretStr | None = Field(None, description="Password")
    credentials_file: Path | None = Field(None, description="A .creds file")
    nkey_file: Path | None = Field(None, description="A file with an nkey seed")
    inbox: str = Field("_INBOX", pattern=r"^[A-Za-z0-9_-]+$", description="Prefix of the subjects it gets answers on")


class NatsSettings(_Section):
    """Where JetStream is. Without `url` an own nats-server is started on loopback."""

    url: str | None = Field(None, description="An existing NATS, e.g. nats://10.0.0.5:4222 or tls://…")
    binary: Path | None = Field(None, description="nats-server to start; default: the one on PATH")
    port: int = Field(0, ge=0, le=65535, description="Port of the embedded server; 0 picks a free one")
    user: str | None = Field(None, description="User at an existing NATS")
    password: SecretStr | None = Field(None, description="Password at an existing NATS")
    credentials_file: Path | None = Field(None, description="A .creds file for an existing NATS")
    nkey_file: Path | None = Field(None, description="A file with an nkey seed for an existing NATS")
    ca_file: Path | None = Field(None, description="Certificates to trust an existing NATS by; default: the system's")
    cert_file: Path | None = Field(None, description="Own certificate for mutual TLS")
    key_file: Path | None = Field(None, description="Key of the own certificate")
    roles: dict[Literal["publisher", "ingester", "alerter", "reader"], NatsLogin] = Field(
        default_factory=dict, description="Logins with fewer rights at an existing NATS, by role"
    )
    stream: str = Field("COMPLAINTS", pattern=r"^[A-Z0-9_]{1,32}$", description="Name of the intake stream")
    max_bytes: int = Field(8 << 30, ge=1 << 20, description="Bytes the stream holds before it refuses more")
    max_payload_bytes: int = Field(8 << 20, ge=64 << 10, le=64 << 20, description="Largest message, bytes")
    duplicate_window_s: float = Field(120, ge=1, le=86_400, description="JetStream's own de-duplication, s")
    replicas: int = Field(1, ge=1, le=5, description="Copies of the stream on a NATS cluster")


class RaySettings(_Section):
    """Where Ray is. Without `address` an own head node is started."""

    address: str | None = Field(None, description="An existing cluster, e.g. 10.0.0.5:6379")
    num_cpus: int | None = Field(None, ge=1, description="CPUs of the own head node; default: all")
    object_store_bytes: int = Field(400_000_000, ge=80_000_000, description="Shared memory of the own head")


class StorageSettings(_Section):
    """Where the zones are."""

    uri: str | None = Field(None, description="Folder or object-store URI; default: <data_dir>/zones")
    options: dict[str, SecretStr] = Field(default_factory=dict, description="Object-store options")
    compact_every_commits: int = Field(20, ge=1, le=10_000, description="Commits between compactions")
    keep_versions_s: float = Field(3600, ge=600, description="Age at which old versions are removed, s")


class IntakeSettings(_Section):
    """How complaints are pulled and bounded."""

    max_batch_rows: int = Field(4096, ge=1, le=65_536, description="Rows of a micro-batch at most")
    linger_s: float = Field(0.3, ge=0.0, le=5.0, description="Longest wait for a micro-batch to fill, s")
    ack_wait_s: float = Field(60, ge=5, le=3600, description="Redelivery after this long without an ack, s")
    max_ack_pending: int = Field(8192, ge=1, description="Messages in flight at most")
    max_deliver: int = Field(5, ge=2, le=100, description="Deliveries before a record is dead-lettered")
    isolate_after: int = Field(3, ge=2, le=100, description="From this delivery on a record runs alone")
    batch_timeout_s: float = Field(
        120, ge=1, le=3600, description="A worker that takes longer over 256 records is ended, s"
    )
    max_complaint_bytes: int = Field(1 << 20, ge=1024, description="Largest payload accepted, bytes")
    max_text_chars: int = Field(200_000, ge=100, description="Longest complaint text, characters")
    publish_window: int = Field(512, ge=1, le=4096, description="Publishes awaiting JetStream's answer")


class EmbedSettings(_Section):
    """Which model embeds, and where."""

    model: str | None = Field(None, description="Hub name or folder; default: the installed MiniLM")
    revision: str | None = Field(None, description="Pinned revision of a hub model, 40 hex digits")
    backend: Literal["auto", "onnx-int8", "onnx-fp32", "torch"] = Field(
        "auto", description="What computes; default: int8 on CPUs, torch on CUDA and for other models than BERT"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where to embed")
    actors: int | None = Field(
        None, ge=1, le=256, description="Embedding processes; default: one a core, with torch one"
    )
    threads: int | None = Field(None, ge=1, description="Threads of each; default: one, with torch one a core")
    num_gpus: float = Field(0, ge=0, le=8, description="GPUs each embedding process asks Ray for")
    dimensions: int = Field(384, ge=8, le=8192, description="Length of the model's vectors")
    onnx_folder: Path | None = Field(
        None, description="Where ONNX files are kept; default: beejan/onnx in the user's cache"
    )


class OverloadSettings(_Section):
    """What gives way when complaints come in faster than they are processed."""

    ladder: dict[Literal["embedding_static", "intake_slowed"], Annotated[float, Field(gt=0)]] = Field(
        {"embedding_static": 15, "intake_slowed": 300},
        description="Steps in their order, each with the seconds behind at which it begins; empty: never",
    )
    calm_s: float = Field(30, ge=0.5, le=3600, description="How long it must be calm before a step is taken back, s")
    static_folder: Path | None = Field(
        None, description="Where the static model is kept; default: beejan/static in the user's cache"
    )

    @field_validator("ladder")
    @classmethod
    def _rises(cls, ladder: dict[str, float]) -> dict[str, float]:
        seconds = list(ladder.values())
        if any(low >= high for low, high in itertools.pairwise(seconds)):
            raise ValueError("each step begins at more seconds behind than the one before it")
        return ladder


class ServeSettings(_Section):
    """The HTTP side."""

    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8420, ge=0, le=65535, description="Port; 0 picks a free one")
    ha_proxy: bool = Field(True, description="Use Ray Serve's HAProxy where its binary is installed")


class MaintenanceWindow(_Section):
    """A planned time of trouble: incidents in it are counted and listed, and nobody is told."""

    segment: str | None = Field(None, description="category=network|region=Lagos; incidents of it and within it; all")
    since: AwareDatetime = Field(description="RFC 3339")
    until: AwareDatetime = Field(description="RFC 3339")
    reason: str = Field("", max_length=500, description="For people")


class SurgeSettings(_Section):
    """When volumes are judged."""

    interval_s: float = Field(5, ge=0.5, le=3600, description="Time between evaluations, s")
    lateness_s: float = Field(30, ge=0, description="Wait after a bucket's end before it is judged, s")
    bucket_s: int = Field(300, ge=60, le=86_400, description="Length of a bucket, s")
    false_incidents_per_week: float = Field(1.0, gt=0, description="Tolerated over all segments")
    warmup_s: float = Field(86_400, ge=0, description="History before anything is called a surge, s")
    quiet_s: float = Field(1800, ge=60, description="How long a surge must be over before it is resolved, s")
    least_excess: float = Field(5, ge=1, description="Complaints above the expected ones before an alert")
    alert_horizon_s: float = Field(86_400, ge=3600, description="Older surges, found in a backfill, raise no alert, s")
    regress_s: float = Field(21_600, ge=0, description="A surge that is back within this time is the same incident, s")
    maintenance: list[MaintenanceWindow] = Field(
        default_factory=list, description="Where and when incidents are listed but nothing is told"
    )


SourceName = Annotated[str, StringConstraints(pattern=SOURCE_NAME)]


class ReconcileSettings(_Section):
    """When it is checked that everything accepted arrives, and that the tables agree."""

    interval_s: float = Field(10, ge=0.5, le=3600, description="Time between looks, s")
    stall_s: float = Field(60, ge=5, description="Messages may wait this long without an acknowledgement, s")


class DuplicateSettings(_Section):
    """When a complaint is a copy of an earlier one, and of what kind (docs/duplicates.md)."""

    window_s: float = Field(7_776_000, ge=3600, description="Copies are found of complaints received in this time, s")
    most_rows: int = Field(5_000_000, ge=100_000, le=50_000_000, description="Complaints remembered at most")
    resend_s: float = Field(86_400, ge=0, description="The sender's same text again within this time is a resend, s")
    repeat_s: float = Field(2_592_000, ge=0, description="Alike complaints of a sender in this time are repeats, s")
    template_senders: int = Field(3, ge=2, le=1000, description="From so many senders on, a text is a template")


class QualitySettings(_Section):
    """What complaints and channels are held to."""

    rules: str = Field("quality", description="Name in configs, or a file")
    interval_s: float = Field(30, ge=0.5, le=3600, description="Time between looks at the channels, s")
    late_s: float = Field(
        172_800, ge=60, description="A complaint received later than this after it happened is no live one, s"
    )


class IdentitySettings(_Section):
    """How complaints are linked to persons."""

    phone_region: str = Field("NG", pattern="^[A-Z]{2}$", description="Country of phone numbers without one")
    every_s: float = Field(3600, ge=60, description="Time between two looks for probable links, s")
    link_from: float = Field(0.99, ge=0.5, le=1, description="Probability from which two persons are linked")
    review_from: float = Field(0.8, ge=0.5, le=1, description="Probability from which a link is a candidate to confirm")


class LabelSettings(_Section):
    """Labels and what is asked to be labelled next."""

    audit_share: float = Field(0.1, ge=0, le=1, description="Chance of a complaint asked for to be the audit's")
    window_s: float = Field(2_592_000, ge=3600, description="Complaints received in this time are asked for, s")
    seed: int = Field(1, ge=0, description="Fixes the mix of the queue and the order of the audit")


class ClusterSettings(_Section):
    """How complaints are clustered (docs/clusters.md)."""

    sample_rows: int = Field(20_000, ge=100, le=200_000, description="Distinct texts that topics are found among")
    neighbours: int = Field(15, ge=2, le=100, description="Edges of each text in the graph of nearest neighbours")
    least_similarity: float = Field(0.3, ge=0, lt=1, description="Cosine below which texts are not joined")
    resolution: float = Field(3.0, gt=0, le=100, description="Higher: more and smaller clusters")
    least_size: int = Field(10, ge=2, le=10_000, description="Distinct texts of a cluster in the sample at least")
    recent_s: float = Field(604_800, ge=3600, description="The window in which a cluster may be emerging, s")


class RegistrySettings(_Section):
    """Trained models: the challenger beside the champion."""

    shadow_share: float = Field(0.1, ge=0, le=1, description="Share of new complaints that the challenger is tried on")
    shadow_rows: int = Field(20_000, ge=0, le=1_000_000, description="Complaints it is tried on at most")


class SqlSettings(_Section):
    """What a query in SQL may use (docs/sql.md)."""

    timeout_s: float = Field(30, ge=1, le=600, description="A query that takes longer is ended, s")
    memory_bytes: int = Field(512 << 20, ge=64 << 20, description="Memory of a query, bytes")
    max_rows: int = Field(10_000, ge=1, le=1_000_000, description="Rows of an answer at most; an export has all")


class SavedSettings(_Section):
    """Saved searches (docs/saved-searches.md)."""

    interval_s: float = Field(1, ge=0.2, le=3600, description="Time between looks for new complaints, s")
    webhooks: tuple[str, ...] = Field((), description="What addresses of their webhooks begin with; others are refused")


class ReportSettings(_Section):
    """Reports (docs/reports.md)."""

    schedule: tuple[Literal["daily", "weekly"], ...] = Field((), description="Which are made without being asked for")
    hour: int = Field(6, ge=0, le=23, description="Hour of the day from which they are made, UTC")
    to: tuple[str, ...] = Field((), description="Who gets them by mail")
    sender: str | None = Field(None, description="Address that mails are from")
    smtp_host: str | None = Field(None, description="Mail server; without, nothing is mailed")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port")
    smtp_tls: Literal["starttls", "tls", "none"] = Field("starttls", description="How the connection is protected")
    smtp_user: str | None = Field(None, description="User at the mail server")
    smtp_password: SecretStr | None = Field(None, description="Password at the mail server")


class ExportSettings(_Section):
    """Exports (docs/exports.md)."""

    keep_s: float = Field(86_400, ge=60, description="How long the file of an export is kept, s")


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(env_prefix="BEEJAN_", env_nested_delimiter="__", extra="forbid", frozen=True)

    data_dir: Path = Field(Path("data"), description="Everything this engine keeps on this host")
    taxonomy: str = Field("telecom", description="Name in configs/taxonomies, or a file")
    places: str = Field("nigeria", description="Name in configs/places, or a file; `none`: they stay as they come")
    products: str = Field("telecom", description="Name in configs/products, or a file; `none`: they stay as they come")
    currency: str = Field("NGN", pattern="^[A-Z]{3}$", description="Currency of `#500`, and of `dollars` if it is one")
    priority: str = Field("priority", description="Name in configs, or a file")
    classifier: str = Field(
        "complaints", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="Model whose champion gives categories"
    )
    pii: str = Field("pii", description="What is done with personal data: name in configs, or a file")
    schedules: str = Field("schedules", description="When what is done by itself: name in configs, file or `none`")
    nats: NatsSettings = NatsSettings.model_validate({})
    ray: RaySettings = RaySettings.model_validate({})
    storage: StorageSettings = StorageSettings.model_validate({})
    intake: IntakeSettings = IntakeSettings.model_validate({})
    embed: EmbedSettings = EmbedSettings.model_validate({})
    overload: OverloadSettings = OverloadSettings.model_validate({})
    serve: ServeSettings = ServeSettings.model_validate({})
    surge: SurgeSettings = SurgeSettings.model_validate({})
    identity: IdentitySettings = IdentitySettings.model_validate({})
    reconcile: ReconcileSettings = ReconcileSettings.model_validate({})
    duplicates: DuplicateSettings = DuplicateSettings.model_validate({})
    quality: QualitySettings = QualitySettings.model_validate({})
    labels: LabelSettings = LabelSettings.model_validate({})
    registry: RegistrySettings = RegistrySettings.model_validate({})
    clusters: ClusterSettings = ClusterSettings.model_validate({})
    sql: SqlSettings = SqlSettings.model_validate({})
    saved: SavedSettings = SavedSettings.model_validate({})
    reports: ReportSettings = ReportSettings.model_validate({})
    exports: ExportSettings = ExportSettings.model_validate({})
    sources: dict[SourceName, SourceSettings] = Field({}, description="Where complaints come from, by name")

    @property
    def zones_uri(self) -> str:
        """Folder or URI under which the zones lie."""
        return self.storage.uri or str(self.data_dir / "zones")

    @property
    def storage_options(self) -> dict[str, str]:
        """Object-store options in clear, for the client alone."""
        return {k: v.get_secret_value() for k, v in self.storage.options.items()}


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the configuration.

    Args:
        config: a YAML file; default `BEEJAN_CONFIG`, else `configs/default.yaml`.
        overrides: values from the command line, `data_dir=…` or nested as `serve={"port": 0}`.

    Returns:
        Settings with absolute `data_dir`.

    Raises:
        BadConfig: the file cannot be read, or a key or value is wrong.
    """
    path = config or Path(os.environ.get("BEEJAN_CONFIG") or CONFIGS / "default.yaml")
    environment = EnvSettingsSource(Settings)()
    values = _merge(_merge(_read_yaml(path), environment), overrides)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise BadConfig(_explain(path, error)) from error
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().resolve()})


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            continue
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfig(f"configuration {path}: cannot be read ({error.strerror}); pass --config FILE") from error
    except yaml.YAMLError as error:
        raise BadConfig(f"configuration {path}: not valid YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise BadConfig(f"configuration {path}: expected keys and values, got {type(values).__name__}")
    return values


def _explain(path: Path, error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"{key}: no such setting; known here: {', '.join(_siblings(problem['loc']))}")
        elif problem["type"] == "missing":  # what was given instead is not shown: it may hold a secret
            lines.append(f"{key}: required")
        else:
            lines.append(f"{key}: {problem['msg']} (got {problem.get('input')!r})")
    return f"configuration {path} or environment: " + "; ".join(lines) + ". See `beejan config show`."


def _siblings(location: tuple[Any, ...]) -> list[str]:
    if location[0] == "sources":  # then come its name and its kind
        return sorted(KINDS[location[2]].model_fields)
    model: Any = Settings
    for part in location[:-1]:
        model = model.model_fields[part].annotation
    return sorted(model.model_fields)
