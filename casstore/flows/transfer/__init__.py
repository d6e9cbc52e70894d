"""Transfer: versions between this store and a depot elsewhere.

Knows: what is missing where, and in which order it becomes visible.  Never: what a depot is made
of, how people name versions.

``choosing`` says which versions are meant, ``sealing`` lets an upstream number them, ``selection``
says which events go along, ``sending`` and ``receiving`` are the two directions.
``rounds`` lets hosts that share only the depot make one version.
"""

from casstore.flows.transfer.choosing import choose, choose_all
from casstore.flows.transfer.receiving import Received, ToReceive, plan_to_receive, receive
from casstore.flows.transfer.rounds import add_part_there, finish_round_there
from casstore.flows.transfer.sealing import seal_versions
from casstore.flows.transfer.sending import Sent, ToSend, plan_to_send, send
from casstore.flows.transfer.together import Pulled, Pushed, pull, push

__all__ = [
    "Pulled",
    "Pushed",
    "Received",
    "Sent",
    "ToReceive",
    "ToSend",
    "add_part_there",
    "choose",
    "choose_all",
    "finish_round_there",
    "plan_to_receive",
    "plan_to_send",
    "pull",
    "push",
    "receive",
    "seal_versions",
    "send",
]
