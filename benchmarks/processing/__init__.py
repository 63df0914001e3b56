"""Quality and speed of each processing step on labelled data."""
