"""Kinds of codes: from features to outputs, from outputs to codes."""
