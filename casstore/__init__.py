"""casstore: a local-first, content-addressed artifact store for experiments."""
