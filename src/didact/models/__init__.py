"""Who answers: every file here is a kind of model, named in a run file by its file name."""
