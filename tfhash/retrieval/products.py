"""Distances of float vectors, made of their inner products."""

import numpy as np

DISTANCES = ("inner_product", "euclidean", "cosine")
SMALLEST = np.float32(1e-12)  # squared norm that a shorter vector is taken to have


def known(distance):
    """`distance` as a string; ValueError where it is not one of `DISTANCES`."""
    if distance not in DISTANCES:
        raise ValueError(f"Expected `distance` of {DISTANCES}. Received: {distance!r}.")
    return str(distance)


def distances(products, queries, norms, distance):
    """Distances `[q, n]` from inner products, which are overwritten.

    Args:
        products: `[q, n]` float32.
        queries: `[q, dim]` float32.
        norms: `[n]` float32, squared, of the database.
        distance: one of `DISTANCES`; see `FloatCodes`.
    """
    if distance == "inner_product":
        return np.negative(products, out=products)
    own = np.einsum("ij,ij->i", queries, queries)[:, None]
    if distance == "euclidean":
        products *= -2
        products += own
        products += norms
        return products
    products /= np.sqrt(np.maximum(own, SMALLEST))
    products /= np.sqrt(np.maximum(norms, SMALLEST))
    np.subtract(1, products, out=products)
    products /= 2
    return products


def from_faiss(values, distance):
    """What FAISS returns, products or squared Euclidean distances, as distances."""
    if distance == "euclidean":
        return values
    return -values if distance == "inner_product" else (1 - values) / 2


def normalized(vectors):
    """`[n, dim]` float32 vectors, each divided by its norm."""
    norms = np.sqrt(np.maximum((vectors**2).sum(axis=1, keepdims=True), SMALLEST))
    return np.ascontiguousarray(vectors / norms, np.float32)
