"""Declaring: configurations, tasks, their parameters and tags."""
