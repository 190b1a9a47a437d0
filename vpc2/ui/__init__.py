"""The face: the only rooms that know Streamlit."""
