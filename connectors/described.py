"""Descriptions of APIs, webhooks and gateways that are named in the settings and stand in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

#: Those that are shipped.
DESCRIPTIONS = Path(__file__).resolve().parents[1] / "configs" / "sources"


def described(value: Any) -> Any:
    """The content of a file in configs/sources, or anywhere, where one is named; else the value itself.

    Raises:
        ValueError: it cannot be read.
    """
    if not isinstance(value, str):
        return value
    path = DESCRIPTIONS / f"{value}.yaml" if value.isidentifier() else Path(value)
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        known = ", ".join(sorted(found.stem for found in DESCRIPTIONS.glob("*.yaml")))
        raise ValueError(
            f"{path}: cannot be read ({type(error).__name__}); expected a file, or one of {known}"
        ) from error
