"""The interface for registration sites that already exist: applications in, states out. Opens to keys alone."""
