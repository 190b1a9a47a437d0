"""One visitor's session: workspace, language, sign-in, runs."""
