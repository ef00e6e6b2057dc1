"""What went wrong and its cure; words in panels."""
