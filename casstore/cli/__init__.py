"""The command line: one module a verb, loaded by name from one table.

Knows: what people type and what they are shown.  Never: how anything is done; that is ``flows``.
"""
