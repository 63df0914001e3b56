"""The `beejan` command."""


def main() -> None:
    """Run the command line."""
    from engine.cli.app import app

    app()
