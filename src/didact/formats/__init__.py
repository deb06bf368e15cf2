"""Public file formats: reading their rows strictly, writing examples as their rows."""
