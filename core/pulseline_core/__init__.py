"""What every component of Pulseline shares: the data model, the wire format, settings, the store."""

__version__ = "0.1.0"

__all__ = ["__version__"]
