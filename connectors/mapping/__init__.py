"""Mappings: which column of a source is what, and what happens where a record keeps not to it."""

from connectors.mapping.names import default_mapping
from connectors.mapping.schema import FIELDS, Column, Contract, Mapping, Policy, load_mapping, source_key

__all__ = ["FIELDS", "Column", "Contract", "Mapping", "Policy", "default_mapping", "load_mapping", "source_key"]
