"""Talking to the token itself: everything here runs beside the token, on the maker's or the holder's machine."""
