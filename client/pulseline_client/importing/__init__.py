"""Moving in: readers of what ActivityWatch has stored, and the importer that brings it here."""
