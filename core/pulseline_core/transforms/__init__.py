"""Transforms of timelines: ActivityWatch's, on columns."""
