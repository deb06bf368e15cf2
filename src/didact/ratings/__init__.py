"""What people say of answers and of data: asked blindly, kept for good, counted with intervals."""
