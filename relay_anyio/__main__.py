"""``python -m relay_anyio`` is the command ``relay``."""

from .cli import main

raise SystemExit(main())
