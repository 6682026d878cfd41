"""Asking a certification authority: one small interface, and the authorities that can be asked through it."""
