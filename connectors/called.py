"""What every source that calls us has in its settings: its secret, its address, its size."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from connectors.settings import Configured, secret
from connectors.source import BadSource


class Called(Configured):
    """The settings of a source that calls `/v1/webhooks/{source}`."""

    public_url: str | None = Field(None, pattern=r"^https?://", description="The address as the provider calls it")
    secret_env: str | None = Field(None, description="Environment variable with the secret that calls are signed with")
    secret_file: Path | None = Field(None, description="File with the secret that calls are signed with")
    max_call_bytes: int = Field(1 << 20, ge=1024, le=64 << 20, description="A larger call is refused, bytes")

    def signing_secret(self, name: str) -> str:
        """The secret of the source of this name.

        Raises:
            BadSource: there is none.
        """
        found = secret(f"sources.{name}.secret", self.secret_env, self.secret_file)
        if found is None:
            raise BadSource(f"sources.{name}: it needs the secret of its calls; set secret_env or secret_file")
        return found
