"""Personal data: find it, put a typed placeholder in its place."""

from models.pii.masking import Masked, find, mask, placeholder
from models.pii.span import Span

__all__ = ["Masked", "Span", "find", "mask", "placeholder"]
