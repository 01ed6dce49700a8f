"""The frame of every page: navigation, mode banner, market clock, age of the data, state of the worker."""

from app.ui import frame, keyboard

frame.configure()
page = frame.navigation()
with frame.guarded():
    frame.header()
    page.run()
keyboard.listen()
