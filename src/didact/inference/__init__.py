"""Language models in this process: find the weights, batch the requests, draw the tokens."""
