"""Electronic seals: from the red impression on the confirmation letter to the signed structure on the token."""
