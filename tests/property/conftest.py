"""Examples may take their time: the machines that run these tests are shared."""

from hypothesis import settings

settings.register_profile("casstore", deadline=None)
settings.load_profile("casstore")
