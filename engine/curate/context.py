"""Put together what the stages need from the configuration, the keys and a model."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from connectors.errors import BadMapping
from connectors.mapping import Mapping, load_mapping
from engine.cluster.keep import load_clusters
from engine.govern.api_keys import ROLES
from engine.govern.crypto import load_keys
from engine.intake.envelope import CHANNELS
from engine.quality.rules import load_rules
from engine.registry.load import champion
from engine.settings import CONFIGS, BadConfig, Settings
from engine.stages.context import Context
from engine.taxonomy.versions import Lineage, lineage
from engine.taxonomy.weights import with_carried
from models.embedder import Embedder
from models.pii import BadPolicy, Policy
from models.places import Gazetteer
from models.priority import PriorityModel
from models.products import Catalogue
from models.taxonomy import Taxonomy

#: In the data folder: names and words of one's own that look misspelt.
PROTECTED_WORDS = "protected_words.txt"


def build_context(settings: Settings, embedder: Embedder, following: Embedder | None = None) -> Context:
    """The stages' context.

    Args:
        settings: as resolved.
        embedder: the model that serves.
        following: the one that is to follow it.

    Raises:
        BadConfig: the taxonomy, the priorities, a mapping or the quality rules cannot be used.
    """
    keys = load_keys(settings.data_dir / "keys")
    lineage = load_lineage(settings)
    taxonomy = lineage.current
    classifier, version = champion(settings, lineage, embedder)
    return Context(
        data_key=keys.data,
        pseudonym_key=keys.pseudonym,
        embedder=embedder,
        classifier=classifier,
        classifier_version=version,
        priority=load_priority(settings),
        taxonomy_version=f"{taxonomy.name}/{taxonomy.version}",
        now=datetime.now(UTC),
        max_text_chars=settings.intake.max_text_chars,
        mappings=load_mappings(),
        places=load_places(settings),
        products=load_products(settings),
        currency=settings.currency,
        pii=load_pii(settings),
        phone_region=settings.identity.phone_region,
        quality=load_rules(settings).rows,
        protected=protected_words(settings),
        clusters=load_clusters(settings),
        following=following,
    )


def load_taxonomy(settings: Settings) -> Taxonomy:
    """The version that new complaints are classified by: the configured file and the changes applied to it.

    Raises:
        BadConfig: its file is missing or wrong.
        BadChange: a change that was applied cannot be used.
    """
    return load_lineage(settings).current


def load_lineage(settings: Settings) -> Lineage:
    """All versions of the configured taxonomy.

    Raises:
        BadConfig: its file is missing or wrong.
        BadChange: a change that was applied cannot be used.
    """
    try:
        base = Taxonomy.from_dict(_yaml(settings.taxonomy, CONFIGS / "taxonomies"))
    except ValueError as error:
        raise BadConfig(f"taxonomy {settings.taxonomy}: {error}") from error
    return lineage(base, settings.data_dir)


def load_priority(settings: Settings) -> PriorityModel:
    """The configured priority model; categories keep their weights through changes of the taxonomy.

    Raises:
        BadConfig: its file is missing or wrong.
    """
    walks = [one.step.crosswalk for one in load_lineage(settings).live]
    try:
        return PriorityModel.from_dict(with_carried(priority_weights(settings), walks))
    except ValueError as error:
        raise BadConfig(f"priority {settings.priority}: {error}") from error


def priority_weights(settings: Settings) -> dict[str, Any]:
    """The configured weights of priority, as written.

    Raises:
        BadConfig: their file cannot be read.
    """
    return _yaml(settings.priority, CONFIGS)


def load_places(settings: Settings) -> Gazetteer | None:
    """The configured gazetteer, None where there is to be none.

    Raises:
        BadConfig: its file is missing or wrong.
    """
    if settings.places == _NONE:
        return None
    try:
        return Gazetteer.from_dict(_yaml(settings.places, CONFIGS / "places"))
    except ValueError as error:
        raise BadConfig(f"places {settings.places}: {error}") from error


def load_pii(settings: Settings) -> Policy:
    """The configured policy of personal data.

    Raises:
        BadConfig: its file is missing, wrong, or names a channel or role that there is not.
    """
    try:
        policy = Policy.from_dict(_yaml(settings.pii, CONFIGS))
    except BadPolicy as error:
        raise BadConfig(f"pii {settings.pii}: {error}") from error
    for key, given, known in (("channels", policy.channels, CHANNELS), ("roles", policy.roles, ROLES)):
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise BadConfig(f"pii {settings.pii}: {key}.{unknown[0]}: expected one of {', '.join(known)}")
    return policy


def load_products(settings: Settings) -> Catalogue | None:
    """The configured catalogue, None where there is to be none.

    Raises:
        BadConfig: its file is missing or wrong.
    """
    if settings.products == _NONE:
        return None
    try:
        return Catalogue.from_dict(_yaml(settings.products, CONFIGS / "products"))
    except ValueError as error:
        raise BadConfig(f"products {settings.products}: {error}") from error


def protected_words(settings: Settings) -> frozenset[str]:
    """Lower-case words that spelling leaves alone.

    Those of the taxonomy, the catalogue of products, the gazetteer, and `<data_dir>/protected_words.txt`.

    Raises:
        BadConfig: a file cannot be read.
    """
    leaves = load_taxonomy(settings).leaves()
    texts = [text for leaf in leaves for text in (leaf.name, leaf.description, *leaf.examples, *leaf.terms)]
    path = settings.data_dir / PROTECTED_WORDS
    try:
        texts.append(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: cannot be read ({type(error).__name__}); expected a word a line, UTF-8") from error
    words = frozenset(re.findall(r"[^\W\d_]+", " ".join(texts).lower()))
    return words.union(*(found.words for found in (load_products(settings), load_places(settings)) if found))


def load_mappings() -> dict[str, Mapping]:
    """Every mapping in configs/mappings, by name."""
    found = {}
    for path in sorted((CONFIGS / "mappings").glob("*.yaml")):
        try:
            found[path.stem] = load_mapping(path)
        except BadMapping as error:
            raise BadConfig(str(error)) from error
    return found


_NONE = "none"


def _yaml(name: str, folder: Path) -> dict[str, Any]:
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadConfig(f"{path}: cannot be read ({type(error).__name__}); see configs/ for examples") from error
    if not isinstance(values, dict):
        raise BadConfig(f"{path}: expected keys and values")
    return values
