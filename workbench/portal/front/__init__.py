"""What anybody may read: the three services, what to prepare, whom to call, where keys are collected."""
