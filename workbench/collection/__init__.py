"""The last desk: the enterprise is told, its originals are compared, the key is stamped for and handed over."""
