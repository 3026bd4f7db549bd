"""The blocking client, which is not there yet.

This package will give threads what `relay_anyio` gives tasks: the same names
without ``await``. So far it holds nothing but this text and exports no name;
use `relay_anyio` until then.
"""
