"""What a role is shown of masked texts, as the policy of personal data says."""

from __future__ import annotations

from typing import Any

from models.pii import Policy


def shown(policy: Policy, role: str, value: Any) -> Any:
    """A value for JSON with the placeholders in its texts as `role` may see them; the admin sees all."""
    if not policy.roles.get(role):
        return value
    if isinstance(value, str):
        return policy.shown(value, role)
    if isinstance(value, dict):
        return {key: shown(policy, role, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shown(policy, role, inner) for inner in value]
    return value
