"""What can be wrong with the registry.

BeejanError
├── NoModel             there is no such model or version
└── Terminal
    ├── BadRegistry     a file of it cannot be used
    ├── UnusableModel   a version cannot classify here
    └── NotBetter       a version is not promoted
"""

from __future__ import annotations

from connectors.errors import Terminal


class NoModel(Terminal):
    """There is no such model or version."""


class BadRegistry(Terminal):
    """A file of the registry that cannot be used."""


class UnusableModel(Terminal):
    """A version that cannot classify here: damaged, of another embedding model, or of another taxonomy."""


class NotBetter(Terminal):
    """A version is not promoted: nothing shows that it is better, or it is worse somewhere."""
