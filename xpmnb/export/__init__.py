"""The parts of turning what cells declared into source that another process can run."""
