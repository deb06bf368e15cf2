"""What every model behind HTTP shares: faults told apart, pace, pauses, keys, one request's life.

A model file says how a request is worded and how an answer is read; everything between is here.
Cost: one call per request, plus the attempts that came to nothing.
"""
