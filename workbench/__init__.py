"""The review workbench for enterprise CA e-keys."""
