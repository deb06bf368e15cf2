"""Who learns: every file here makes a model from examples."""
