"""The verbs, one a file, strangers to one another.

Knows: nothing itself.  Each verb moves frames or events between a source and a sink.
"""
