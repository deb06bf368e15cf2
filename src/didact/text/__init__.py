"""Pure functions over text: no I/O, no models, no imports from the rest of didact but records."""
