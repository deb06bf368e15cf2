"""The local page: look at the runs of a folder in a browser, on this machine only."""
