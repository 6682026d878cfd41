"""The floor of faults: processes of a whole installation are killed while people work, then everything is counted."""
