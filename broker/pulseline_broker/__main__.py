"""``python -m pulseline_broker``: the broker and the gate behind it, as one process."""

from pulseline_broker.cli import command

command(prog_name="pulseline broker")
