"""The third desk: a re-checked case becomes a working e-key, and a certificate ends when its time has come."""
