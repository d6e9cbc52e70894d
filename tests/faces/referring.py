"""Artifacts of references, as every test of them begins."""

import casstore


def draft(*uris, **options):
    """Return a draft that refers to each URI."""
    artifact = casstore.Artifact("data", type="dataset")
    for uri in uris:
        artifact.add_reference(uri, **options)
    return artifact


def log(*uris, **options):
    """Log a version that refers to each URI."""
    artifact = draft(*uris, **options)
    artifact.save()
    return artifact.wait()
