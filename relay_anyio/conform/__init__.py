"""The conformance kit: what a RELAY client of any language does when it matters.

The command is ``relay conform``, and docs/conformance.md describes it. A `Stage` is a scripted
service for one client. It sees every frame, and breaks the rules when a check wants that.
"""
