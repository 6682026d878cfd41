"""Certificates as the house knows them: which were issued to whom, and which of them still open a door."""
