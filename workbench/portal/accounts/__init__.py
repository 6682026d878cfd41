"""Registering, signing in, forgotten passwords; tells strangers nothing about who is registered."""
