"""What we make: every file here is one published method of writing instruction data."""
