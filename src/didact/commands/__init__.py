"""The commands that are no stage of a run, one file each, and what all of them share."""
