"""Transfer: versions between this store and a depot elsewhere, or between two of those.

Knows: what is missing where, and in which order it becomes visible.  Never: what a depot is made
of, how people name versions.

``choosing`` says which versions are meant, ``sealing`` lets an upstream number them, ``selection``
says which events go along; ``disputes`` and ``contesting`` see what two sides hold otherwise.
``sending`` and ``receiving`` are the two directions, ``planning`` says what the first would do,
``restoring`` sends again what was lost, ``sorting`` says what cannot come.  Of bundles they are
``bundling`` and ``applying``, and ``having`` lists what need not travel.  ``rounds`` lets hosts
that share only the depot make one version; ``places`` finds what a name, a URL or a file means.
"""

from casstore.flows.transfer.applying import Applied, Waiting, apply_bundle
from casstore.flows.transfer.bundling import Bundled, create_bundle, not_had
from casstore.flows.transfer.choosing import alias_heads, choose, choose_all
from casstore.flows.transfer.contesting import bring_without_bytes
from casstore.flows.transfer.disputes import Dispute, bring_events
from casstore.flows.transfer.having import export_inventory, reached_by
from casstore.flows.transfer.places import meant, reached
from casstore.flows.transfer.planning import ToSend, plan_to_send
from casstore.flows.transfer.receiving import Received, ToReceive, plan_to_receive, receive
from casstore.flows.transfer.rounds import (
    add_part_there,
    finish_round_there,
    version_of_part_there,
)
from casstore.flows.transfer.sealing import seal_versions
from casstore.flows.transfer.selection import Had
from casstore.flows.transfer.sending import Origin, Sent, send
from casstore.flows.transfer.sorting import Unsound, damage_of
from casstore.flows.transfer.together import Pulled, Pushed, pull, push

__all__ = [
    "Applied",
    "Bundled",
    "Dispute",
    "Had",
    "Origin",
    "Pulled",
    "Pushed",
    "Received",
    "Sent",
    "ToReceive",
    "ToSend",
    "Unsound",
    "Waiting",
    "add_part_there",
    "alias_heads",
    "apply_bundle",
    "bring_events",
    "bring_without_bytes",
    "choose",
    "choose_all",
    "create_bundle",
    "damage_of",
    "export_inventory",
    "finish_round_there",
    "meant",
    "not_had",
    "plan_to_receive",
    "plan_to_send",
    "pull",
    "push",
    "reached",
    "reached_by",
    "receive",
    "seal_versions",
    "send",
    "version_of_part_there",
]
