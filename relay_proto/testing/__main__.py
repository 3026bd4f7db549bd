"""``python -m relay_proto.testing soak`` and ``replay``."""

from .soak import main

raise SystemExit(main())
