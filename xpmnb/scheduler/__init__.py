"""Scheduling: which job runs next, and the handles that a user holds."""
