"""Signing in with the certificate on an e-key, and renewing it."""
