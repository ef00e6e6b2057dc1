"""Many runs in one file, ``JOBS.toml``: what a job is, and the file's reader and writer."""
