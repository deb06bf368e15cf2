"""Batch APIs as models: asks that arrive together are sent as one batch, and each gets its answer.

``desk.py`` collects, submits, follows and answers; ``journal.py`` remembers on disk what was
submitted, so that nothing is paid twice; ``wire.py`` carries bytes; ``service.py`` says what a
provider must be able to do. How a provider words its batches is in its model file.
"""
