"""Finished and running jobs as pandas DataFrames, from records alone."""
