"""Random vectors, and their distances by the definitions."""

import numpy as np


def vectors(n, dim=6, seed=0):
    """`[n, dim]` float32."""
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def distances(distance, queries, database):
    """Distances `[q, n]`, in float64."""
    queries, database = queries.astype(np.float64)[:, None], database.astype(np.float64)
    if distance == "inner_product":
        return -(queries * database).sum(axis=2)
    if distance == "euclidean":
        return ((queries - database) ** 2).sum(axis=2)
    norms = np.linalg.norm(queries, axis=2) * np.linalg.norm(database, axis=1)
    return (1 - (queries * database).sum(axis=2) / norms) / 2
