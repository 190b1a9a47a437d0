"""Streamlit components in HTML, CSS and JavaScript, one folder each."""
