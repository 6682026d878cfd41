"""The papers of a form: sent, looked at, put in order, submitted; and sent again."""
