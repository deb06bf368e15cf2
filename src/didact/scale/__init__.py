"""Where a stage's work is done: in this process, in processes of this machine, on a Ray cluster.

What scales is the answering of requests by local models and the checking of examples one at a time.
Both are cut into shards, JSON in and JSON out, that any process can work through (``shards``). The
run stays with the driver: its call log, budget, randomness and order, so the result is the same to
the byte wherever the shards went, and all that a lost worker or a killed driver costs is the shards
that were not finished. Only ``local`` and ``ray`` know what a worker is.
"""
