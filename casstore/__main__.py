"""``python -m casstore``.

Knows: the entry point.  Never: anything else.
"""

from casstore.cli.main import program

if __name__ == "__main__":
    program()
