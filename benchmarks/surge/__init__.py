"""Surge detection: NAB's published score over a folder in its layout."""
