"""What already exists: every file here reads one public format, and is named by its file name."""
