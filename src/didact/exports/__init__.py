"""What leaves a run: models in other programs' formats, ready configs of other trainers, a card."""
