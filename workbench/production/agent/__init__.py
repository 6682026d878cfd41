"""The bench agent: a small program on the machine that has the token, told by the server what to do with it."""
