"""The small world the embedded model lives in: facts, families of tasks, seeds and their auditor.

Broad English is out of reach for a model of a few million parameters, so the world is narrowed
instead (the idea of TinyStories, Eldan and Li 2023, arXiv 2305.07759): everyday words and facts, and
families of tasks about them, each with a program that computes the right answer. Because the world
is programmatic, the auditor can say of a generated example whether its instruction is valid, its
input appropriate and its output correct, which the Self-Instruct paper had to sample by hand.
"""
