"""Transfer: versions between this store and a depot elsewhere.

Knows: what is missing where, and in which order it becomes visible.  Never: what a depot is made
of, how people name versions.

``selection`` says which events go along, ``sending`` and ``receiving`` are the two directions.
"""

from casstore.flows.transfer.receiving import Received, ToReceive, plan_to_receive, receive
from casstore.flows.transfer.sending import Sent, ToSend, plan_to_send, send

__all__ = [
    "Received",
    "Sent",
    "ToReceive",
    "ToSend",
    "plan_to_receive",
    "plan_to_send",
    "receive",
    "send",
]
