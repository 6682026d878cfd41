"""What an applicant has: unfinished forms, cases on their way, and what comes next."""
