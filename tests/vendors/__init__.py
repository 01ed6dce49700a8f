"""The fake internet: real vendor clients, loopback servers, and a plan of what goes wrong.

`FakeInternet` is a CONNECT proxy on the loopback with its own throw-away certificate authority. A process enters it by
the environment variables in `FakeInternet.environment` alone; clients stay as they are. Hosts nobody serves are refused
and recorded. `python -m tests.vendors -- COMMAND` runs a command inside it.
"""
