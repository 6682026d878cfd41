"""The organisation: the 37 issuing authorities, where their keys are collected, who works here and how they sign in."""
