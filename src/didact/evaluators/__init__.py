"""How good: every file here scores answers, item by item."""
