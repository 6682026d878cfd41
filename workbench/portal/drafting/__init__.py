"""The application form until it is submitted, and what is printed of it."""
