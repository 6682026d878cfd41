"""What the desks said of a paper, and where on its page."""
