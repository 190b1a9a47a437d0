"""A page that takes two seconds before it reaches its buttons: one of ours, one of Streamlit's."""

import time

import streamlit as st

from vpc2.ui.widgets import buttons

st.checkbox("interrupt", key="interrupt")
presses = st.session_state.setdefault("seen", {"ours": 0, "streamlit": 0})
for i in range(20):
    st.write(f"part {i}")  # each element is a point at which a run can be interrupted
    time.sleep(0.1)
presses["ours"] += buttons.button("ours", key="ours")
presses["streamlit"] += st.button("streamlit", key="streamlit")
st.write("Presses:", f"{presses['ours']} of ours, {presses['streamlit']} of Streamlit's.")
buttons.clear_presses()
