"""What both adapters share, and the core must not have: TLS, sockets, logs, files.

Public: for authors of adapters, with all its modules.
"""
