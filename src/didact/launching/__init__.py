"""Training by several processes: ready accelerate configurations, and who starts what."""
