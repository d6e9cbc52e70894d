"""``python -m casstore``.

Knows: the entry point.  Never: anything else.
"""

import sys

from casstore.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
