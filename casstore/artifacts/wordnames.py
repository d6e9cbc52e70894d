"""Random ids and names for runs: short, easy to say, good in artifact names and paths.

Knows: the alphabet and the words.  Never: which names are taken (there are 36^8 ids, and a number
tells names apart).
"""

import secrets
import string

from casstore.errors import Invalid

__all__ = ["MAX_ID_CHARS", "generate_id", "run_id", "run_name"]

RUN_ID_CHARS = 8
MAX_ID_CHARS = 128

_ALPHABET = string.ascii_lowercase + string.digits

_FIRST = tuple(
    """
    able airy amber ample azure basic blue bold brave brief bright brisk broad bronze calm careful
    civil clean clear clever cloudy cool copper coral crisp curious dapper deep dusty eager early
    easy even exact fair fancy fast fine firm fleet fluent fond fresh frosty gentle glad golden
    grand green happy hardy hazy honest humble ivory jade jolly keen kind lemon light lively lucid
    lunar magic mellow merry mild misty modest neat nimble noble olive opal pale patient plain
    polite proud pure quick quiet rapid ready rosy royal ruby rustic sandy serene sharp silent
    silver simple sleek smooth snowy solar solid spring steady still stout sunny swift tidy topaz
    upbeat vast velvet vivid warm wise witty
    """.split()  # noqa: SIM905 - a list of words reads better as a paragraph
)

_SECOND = tuple(
    """
    acorn anchor apple arch aspen atlas badger bamboo basin bay beach birch bird bloom boat bridge
    brook canyon cedar cliff cloud clover comet cove crane creek dawn delta dew dune eagle echo elm
    ember falcon fern field finch fjord forest fountain fox garden glade grove gull harbor hazel
    heron hill island ivy jay lagoon lake lantern lark leaf lily lotus lynx maple marsh meadow
    mesa moon moss moth mountain oak oasis ocean orchid osprey otter owl palm path peak pebble
    pine plum pond poplar prairie quail rain raven reef ridge river robin rose sage shore sky
    snow sparrow spruce star stone stream summit sun swan thistle tide trail tulip valley wave
    willow wind wren
    """.split()  # noqa: SIM905 - see above
)


def generate_id(length: int = RUN_ID_CHARS) -> str:
    """Return ``length`` random characters of ``[a-z0-9]``, 1 to ``MAX_ID_CHARS``."""
    if not 1 <= length <= MAX_ID_CHARS:
        raise Invalid(f"an id has 1 to {MAX_ID_CHARS} characters, not {length}")
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def run_id() -> str:
    """Return a new run's id: 8 of ``[a-z0-9]``."""
    return generate_id(RUN_ID_CHARS)


def run_name(n: int) -> str:
    """Return ``word-word-N``, the name of the project's ``n``-th run unless its owner gives one."""
    return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{n}"
