"""A page that fails on a click."""

import streamlit as st

SECRET = "a-detail-of-the-server"


@st.fragment
def part() -> None:
    if st.button("fail in a part"):
        raise RuntimeError(SECRET)


st.title("A page")
part()
if st.button("fail"):
    raise RuntimeError(SECRET)
st.text("what comes after")
