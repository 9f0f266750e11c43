"""Optimisers, schedules, penalties and learning rules."""
