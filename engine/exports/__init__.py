"""Exports: everything that a filter, a search or a query in SQL finds, as a file, made beside the API.

`jobs` keeps what is wanted and how far it is, `work` makes the file in a process of its own, `formats` writes it.
"""
