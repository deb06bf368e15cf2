"""On what: every file here loads the items of an evaluation."""
