"""`python -m engine.cli` is `beejan`."""

from engine.cli import main

if __name__ == "__main__":
    main()
