"""Labelled data as instructions: templates, answer options, exemplars, the published forms."""
