"""Heads: from features to outputs, from outputs to codes, and how codes are compared; a file each.

A head knows no backbone by name, and not how it is trained.
"""
