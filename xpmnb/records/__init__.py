"""What a workspace remembers of its jobs: plain data in files, readable without any user class."""
