"""Quality of classification on labelled data."""
