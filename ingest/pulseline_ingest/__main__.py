"""``python -m pulseline_ingest``: the ingest worker beside an external broker, as a process."""

from pulseline_ingest.cli import command

command(prog_name="pulseline ingest")
