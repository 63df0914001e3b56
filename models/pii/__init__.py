"""Personal data: find it, put a typed placeholder in its place."""

from models.pii.masking import Masked, find, mask, placeholder
from models.pii.policy import STRICT, BadPolicy, Policy
from models.pii.span import Span

__all__ = ["STRICT", "BadPolicy", "Masked", "Policy", "Span", "find", "mask", "placeholder"]
