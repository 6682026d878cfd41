"""What several test floors share."""
