"""What the tests share: a cheap embedder, a context of the stages, the real data, ports of their own."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from engine.curate.context import load_mappings, load_taxonomy
from engine.govern.crypto import DataKey
from engine.quality.rules import load_rules
from engine.settings import CONFIGS, ROOT, Settings
from engine.stages.context import Context

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class HashEmbedder:
    """Words as random directions: texts that share words are near; loads nothing."""

    name, revision, dimensions = "hash", "0", 384

    def encode(self, texts):
        return np.stack([self._one(text) for text in texts]) if len(texts) else np.zeros((0, 384), np.float32)

    def _one(self, text):
        vector = np.full(384, 1e-6, np.float32)
        for word in text.lower().split():
            seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:4], "big")
            vector += np.random.default_rng(seed).standard_normal(384).astype(np.float32)
        return vector / np.linalg.norm(vector)

    def windows(self, texts):
        return [1] * len(texts)


@pytest.fixture(scope="session")
def context() -> Context:
    import yaml

    from models.classify import ZeroShotClassifier
    from models.priority import PriorityModel

    taxonomy = load_taxonomy(Settings())
    embedder = HashEmbedder()
    return Context(
        data_key=DataKey("k1-test", b"k" * 32),
        pseudonym_key=b"p" * 32,
        embedder=embedder,
        classifier=ZeroShotClassifier.build(taxonomy, embedder),
        priority=PriorityModel.from_dict(yaml.safe_load((CONFIGS / "priority.yaml").read_text())),
        taxonomy_version=f"{taxonomy.name}/{taxonomy.version}",
        now=NOW,
        mappings=load_mappings(),
        quality=load_rules(Settings()).rows,
    )


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real public data; the test is skipped where it is absent."""
    folder = Path(os.environ.get("BEEJAN_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "comcast").is_dir():
        pytest.skip(f"the public data sets are not at {folder}; set BEEJAN_DATA")
    return folder
