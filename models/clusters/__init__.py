"""Clusters of complaints by their vectors: topics, emerging groups, terms, and ids that stay from run to run."""
