"""Transfer: versions between this store and a depot elsewhere.

Knows: what is missing where, and in which order it becomes visible.  Never: what a depot is made
of, how people name versions.

``choosing`` says which versions are meant, ``sealing`` lets an upstream number them, ``selection``
says which events go along, ``sending`` and ``receiving`` are the two directions.
"""

from casstore.flows.transfer.choosing import choose, choose_all
from casstore.flows.transfer.receiving import Received, ToReceive, plan_to_receive, receive
from casstore.flows.transfer.sealing import seal_versions
from casstore.flows.transfer.sending import Sent, ToSend, plan_to_send, send

__all__ = [
    "Received",
    "Sent",
    "ToReceive",
    "ToSend",
    "choose",
    "choose_all",
    "plan_to_receive",
    "plan_to_send",
    "receive",
    "seal_versions",
    "send",
]
