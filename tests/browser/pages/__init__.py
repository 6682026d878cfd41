"""What browser tests see of the screens: one class a page, by role and label."""
