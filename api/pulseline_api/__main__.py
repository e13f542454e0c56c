"""``python -m pulseline_api`` is ``pulseline api``."""

from pulseline_api.cli import command

command()
