"""What can be wrong with a classifier.

ClassifierError (ValueError)   what it is given, or the files of one, cannot be used
"""

from __future__ import annotations


class ClassifierError(ValueError):
    """Input or files that a classifier cannot be made of; the message says what to change."""
