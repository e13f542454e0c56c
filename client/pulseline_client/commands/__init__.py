"""The commands of ``pulseline`` that every installation has; ``pulseline_client.cli`` lists them."""
