"""What the call log is made of: its tables, its rows, its lock, and how its file is opened."""
