"""Ingest: messages become the timeline, each exactly once, in order, acknowledged after their commit."""
