"""What stays: every file here gives a verdict on examples, and is named by its file name."""
