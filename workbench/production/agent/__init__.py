"""The bench agent: the program beside the token that does what the server orders. It stands alone: no database, no web
framework, and nothing of the server but what the two tell each other.
"""
