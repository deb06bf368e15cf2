"""What trainers share: the order of rows, the loss, checkpoints without pickle, the loss curve."""
