"""How fast Pulseline is, measured on the whole of it: ``python -m benchmarks``. Run by hand; never a test."""
