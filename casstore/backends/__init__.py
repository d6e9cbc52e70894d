"""Clients of other people's storage, made the same way for whoever needs one.

Knows: which library speaks to which kind of place, settings, what failures mean.  Never: what is
kept there, references, depots.

``making`` loads a module by name and keeps what it made, for this process; ``failures`` tells by
class and code what went wrong; ``systems`` is fsspec; each other module is the door to one library.
"""
