"""Asking models to judge answers: what the evaluators that do so have in common."""
