"""Pure functions over numbers: intervals and tests, no I/O."""
