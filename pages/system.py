"""What the sources give and how they have done."""

import streamlit as st

from app.ui import alerts, frame, loaders, machinery, system

frame.require()
st.subheader("Sources")
lines = loaders.source_lines(hours=24)
system.session_warnings(lines)
system.source_table(lines)
system.suspended_sources()
st.subheader("Quality of the quotes")
reports = loaders.source_reports(hours=24)
system.quality_table(reports)
system.age_chart(reports)
st.subheader("Flow scans")
machinery.scans()
st.subheader("Workers")
machinery.workers()
st.subheader("Alerts")
alerts.show()
