"""The W&B-shaped face: artifacts, runs, and looking things up.

Knows: W&B's names and habits.  Never: formats, LMDB, the command line.
"""
