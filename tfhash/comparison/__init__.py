"""Many methods at many code lengths, trained and tested alike, in one table."""
