"""The taxonomy's versions: their files, what a change does, its application to what is stored, and trends."""
