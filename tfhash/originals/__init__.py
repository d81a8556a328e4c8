"""Files of the original programs: how each is recognised, read and written."""
