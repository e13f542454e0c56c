"""``python -m pulseline_client`` is ``pulseline``."""

from pulseline_client.cli import main

main()
