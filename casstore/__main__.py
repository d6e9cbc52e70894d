"""``python -m casstore``.

Knows: the entry point.  Never: anything else.
"""

from casstore.cli.process import program

if __name__ == "__main__":
    program()
