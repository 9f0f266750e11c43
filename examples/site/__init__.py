"""The site: a reference page for all that is public, and tables for those who come from elsewhere.

Nothing of it is written by hand: names come from the modules, signatures, rules and traits from the
declarations, all else from docstrings and from examples that are run.
"""
